/** Which of Open MPI's ways of sending are asked for. */
#ifndef JUP_COMM_NETWORK_H
#define JUP_COMM_NETWORK_H

/**
 * Before MPI begins: sockets and shared memory alone (OMPI_MCA_pml=ob1), where there is no device
 * for anything faster and the user has chosen nothing, in the environment, at mpirun or in
 * ~/.openmpi/mca-params.conf. Asked for all, Open MPI loads libraries of which one (psm2) first
 * measures the processor's clock for 0.2 s.
 */
void jup_network_choose(void);

#endif
