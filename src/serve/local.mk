libjupiter_a_SOURCES += \
	%D%/clerk.c %D%/clerk.h \
	%D%/compose.c %D%/compose.h \
	%D%/desk.c %D%/desk.h \
	%D%/fields.c %D%/fields.h \
	%D%/order.c %D%/order.h \
	%D%/problem.c %D%/problem.h \
	%D%/speak.c %D%/speak.h \
	%D%/state.c %D%/state.h \
	%D%/wish.c %D%/wish.h %D%/wish_inner.h \
	%D%/wish_messages.c
# the HTTP side, where the library is
if HAVE_MICROHTTPD
libjupiter_a_SOURCES += \
	%D%/gate.c \
	%D%/http.c %D%/http.h %D%/http_inner.h \
	%D%/respond.c \
	%D%/routes.c
endif
