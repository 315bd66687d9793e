"""Frames and messages between the grader's processes, and what arrives when the other end lies."""

import os
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
from contextlib import closing

import pytest

from kit.wire import MESSAGE_LIMIT, Messenger, receive_frame, send_frame


@pytest.fixture
def ends():
    here, there = socket.socketpair()
    with closing(here), closing(there):
        yield here, there


@pytest.fixture
def messengers():
    here, there = Messenger.pair()
    other = Messenger(there)
    with closing(here), closing(other):
        yield here, other


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 40_000], ids=len)
def test_a_frame_arrives_whole(ends, data):
    thread = threading.Thread(target=send_frame, args=(ends[0], data))
    thread.start()
    assert receive_frame(ends[1], 1 << 24) == data
    thread.join()


def test_frames_arrive_in_order_and_byte_by_byte(ends):
    stream = b"".join(struct.pack("<Q", len(data)) + data for data in (b"one", b"", b"three"))

    def dribble():
        for byte in stream:
            ends[0].sendall(bytes([byte]))

    thread = threading.Thread(target=dribble)
    thread.start()
    assert [receive_frame(ends[1], 9) for _ in range(3)] == [b"one", b"", b"three"]
    thread.join()


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", struct.pack("<Q", 5) + b"four"])
def test_an_end_in_the_middle_of_a_frame_is_an_eof_error(ends, sent):
    ends[0].sendall(sent)
    ends[0].close()
    with pytest.raises(EOFError):
        receive_frame(ends[1], 100)


@pytest.mark.parametrize("length", [101, 1 << 40, (1 << 64) - 1])
def test_a_frame_that_is_too_long_is_refused_by_its_header(ends, length):
    ends[0].sendall(struct.pack("<Q", length))
    with pytest.raises(ValueError, match=f"a frame of {length} bytes; at most 100"):
        receive_frame(ends[1], 100)


def test_a_header_alone_makes_nobody_allocate(ends):
    ends[0].sendall(struct.pack("<Q", 1 << 30) + b"x")
    ends[0].close()
    tracemalloc.start()
    try:
        with pytest.raises(EOFError):
            receive_frame(ends[1], 1 << 30)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_wait_is_asked_before_every_read_and_may_break_off(ends):
    waits = []
    send_frame(ends[0], b"abc")
    assert receive_frame(ends[1], 9, lambda: waits.append(1)) == b"abc" and len(waits) == 2

    def too_late():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        receive_frame(ends[1], 9, too_late)


def test_a_message_arrives_with_its_descriptor(messengers):
    here, there = messengers
    reader, writer = os.pipe()
    here.send({"op": "x", "é": [1, None]}, writer)
    here.send({})
    message, descriptor = there.receive()
    assert message == {"op": "x", "é": [1, None]} and descriptor not in (None, writer)
    assert there.receive() == ({}, None)
    os.write(descriptor, b"through")
    assert os.read(reader, 9) == b"through"
    for end in (reader, writer, descriptor):
        os.close(end)


def test_a_message_asked_is_a_message_answered(messengers):
    here, there = messengers
    there.send({"answer": 3})
    assert here.ask({"question": 1}) == {"answer": 3} and there.receive()[0] == {"question": 1}


def test_messages_up_to_the_limit_pass_and_longer_ones_are_refused(messengers):
    here, there = messengers
    longest = {"x": "y" * (MESSAGE_LIMIT - len('{"x": ""}'))}
    here.send(longest)
    assert there.receive()[0] == longest
    with pytest.raises(ValueError, match=f"at most {MESSAGE_LIMIT}"):
        here.send({"x": longest["x"] + "y"})


def test_a_messenger_whose_other_end_is_gone_says_so(messengers):
    here, there = messengers
    there.send({"last": "words"})
    there.close()
    assert here.receive()[0] == {"last": "words"}
    with pytest.raises(EOFError):
        here.receive()
    with pytest.raises(OSError):
        here.send({})


def test_close_all_but_keeps_what_is_named_and_the_standard_streams():
    code = (
        "import os; from kit.wire import close_all_but; r, w = os.pipe(); x = os.dup(1)\n"
        "close_all_but({w}); left = range(20)\n"
        "print([n for n in left if os.path.exists(f'/proc/self/fd/{n}')], w)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    left, _, kept = done.stdout.strip().rpartition(" ")
    assert left == f"[0, 1, 2, {kept}]"
