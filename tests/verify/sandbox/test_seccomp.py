"""The filter as the kernel would run it, for both architectures."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.sandbox.seccomp import (
    ALLOW,
    CHECKED,
    ERRNO,
    KILL,
    MACHINES,
    MISSING,
    NEWEST,
    OWN_NUMBER,
    REFUSED,
    REFUSED_WITHOUT_NAMESPACES,
    build,
)

EPERM, ENOSYS = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
machines = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def answer(code, audit, number, *arguments):
    """Run a classic BPF program over `struct seccomp_data`."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *(*arguments, *[0] * (6 - len(arguments))))
    instructions, at, register = [struct.unpack_from("<HBBI", code, place) for place in range(0, len(code), 8)], 0, 0
    while True:
        what, if_true, if_false, value = instructions[at]
        at += 1
        if what == 0x20:
            (register,) = struct.unpack_from("<I", data, value)
        elif what == 0x06:
            return value
        else:
            good = {0x15: register == value, 0x35: register >= value, 0x45: bool(register & value)}[what]
            at += if_true if good else if_false


@machines
@pytest.mark.parametrize("one_process", [False, True])
def test_every_listed_call_is_refused_and_nothing_else(machine, one_process):
    code = build(machine, one_process=one_process)
    refused = {**REFUSED, **(REFUSED_WITHOUT_NAMESPACES if one_process else {})}
    expected = {pair[machine.column]: EPERM for pair in refused.values()}
    expected |= {pair[machine.column]: ENOSYS for pair in MISSING.values()}
    checked = {pair[machine.column] for pair in CHECKED.values()}
    for number in range(NEWEST + 1):
        if number not in checked:
            assert answer(code, machine.audit, number, 1) == expected.get(number, ALLOW), number


@machines
@given(number=st.integers(NEWEST + 1, 2**32 - 1))
def test_later_numbers_and_other_tables_do_not_exist(machine, number):
    assert answer(build(machine, one_process=False), machine.audit, number) == ENOSYS


@machines
@given(audit=st.integers(0, 2**32 - 1), number=st.integers(0, 500))
def test_another_architecture_is_killed(machine, audit, number):
    if audit != machine.audit:
        assert answer(build(machine, one_process=False), audit, number) == KILL


@machines
def test_arguments_decide(machine):
    def of(name, *arguments, one_process=False):
        return answer(build(machine, one_process=one_process), machine.audit, CHECKED[name][machine.column], *arguments)

    fork, thread = 17, 0x3D0F00
    assert of("clone", fork) == of("clone", thread) == ALLOW
    assert (of("clone", fork, one_process=True), of("clone", thread, one_process=True)) == (EPERM, ALLOW)
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert of("clone", fork | flag) == of("clone", fork | flag, one_process=True) == EPERM
    assert (of("socketpair", 1), of("socketpair", 2), of("socketpair", 16)) == (ALLOW, EPERM, EPERM)
    assert (of("ioctl", 0, 0x5401), of("ioctl", 0, 0x5412), of("ioctl", 2, 0x541C)) == (ALLOW, EPERM, EPERM)
    for name in ("kill", "tgkill"):
        assert of(name, 77) == ALLOW
        assert (of(name, OWN_NUMBER, one_process=True), of(name, 77, one_process=True)) == (ALLOW, EPERM)
        assert of(name, 2**32 - 1, one_process=True) == EPERM
    assert (of("prlimit64", 0, one_process=True), of("prlimit64", 77, one_process=True)) == (ALLOW, EPERM)


@machines
def test_no_number_stands_twice(machine):
    tables = (CHECKED, MISSING, REFUSED, REFUSED_WITHOUT_NAMESPACES)
    numbers = [pair[machine.column] for table in tables for pair in table.values() if pair[machine.column] is not None]
    assert len(numbers) == len(set(numbers))
    assert max(numbers) <= NEWEST


def test_the_placeholder_occurs_where_it_is_to_be_replaced_only():
    for machine in MACHINES.values():
        mark = OWN_NUMBER.to_bytes(4, "little")
        assert build(machine, one_process=True).count(mark) == 2
        assert build(machine, one_process=False).count(mark) == 0
