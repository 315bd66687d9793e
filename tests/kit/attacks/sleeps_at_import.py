"""Sleep while it is imported. Must not gain: more time than one test has, twice."""

import time

time.sleep(1000)
