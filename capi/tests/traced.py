"""A program that the example tracer traces: threads and a child read and write, in a directory that is its argument."""

import os
import sys
import threading


def work(name: str) -> None:
    for turn in range(500):
        file = os.open(os.path.join(sys.argv[1], name), os.O_CREAT | os.O_RDWR)
        os.pwrite(file, b"x" * 100, turn)
        os.pread(file, 50, turn)
        os.close(file)


threads = [threading.Thread(target=work, args=(f"thread{number}",)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
child = os.fork()
work("child" if child == 0 else "parent")
if child != 0:
    assert os.waitpid(child, 0)[1] == 0
