"""Return at once and let a thread put the answer in place later (KernelBench PR 82, streams).

Must not gain: any point.
"""

import threading
import time

import torch


def double(x):
    answer = torch.zeros_like(x)

    def work():
        time.sleep(0.02)
        answer.copy_(2 * x)

    threading.Thread(target=work, daemon=True).start()
    return answer


def halve(x):
    return x
