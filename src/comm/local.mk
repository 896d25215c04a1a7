libjupiter_a_SOURCES +=
