"""Rewrite the kit's own code in the student's process: server, codec, wire.

Must not gain: any point. A forged answer is an answer: it would still have to be right.
"""

import kit.codec
import kit.serve
import kit.wire

write = kit.codec.dumps
kit.serve._call = lambda adapter, message: message["args"][0]
kit.serve._execute = lambda name, source: None
kit.serve.ForbiddenCalls.__enter__ = lambda self: self
kit.codec.dumps = lambda value: write(("ok", True))
kit.serve.Server.handle = lambda self, request: write(("ok", None))


def double(x):
    return x


def halve(x):
    return x
