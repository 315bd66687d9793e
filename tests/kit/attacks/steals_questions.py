"""Read the next question off the socket oneself, or close the socket and stay.

Must not gain: any point, or a judge that waits for ever.
"""

import os
import threading
import time

from .wire import judge


def double(x):
    threading.Thread(target=lambda: judge().recv(1 << 20), daemon=True).start()
    time.sleep(0.05)
    return x


def halve(x):
    os.closerange(3, 64)
    time.sleep(60)
