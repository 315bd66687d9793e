"""Threads that live on after the call and write to whatever is open. Must not gain: any point."""

import os
import threading


def disturb():
    while True:
        for handle in range(3, 20):
            try:
                os.write(handle, b"\x01\x00\x00\x00\x00\x00\x00\x00!")
            except OSError:
                continue


def double(x):
    threading.Thread(target=disturb, daemon=True).start()
    return x


def halve(x):
    return x
