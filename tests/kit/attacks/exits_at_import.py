"""End the process while it is imported: exit status 0 and no report. Must not gain: any point."""

import os

print("300 passed in 0.1s", flush=True)
os._exit(0)
