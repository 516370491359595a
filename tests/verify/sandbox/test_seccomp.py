"""The filter as the kernel would run it, for both architectures: what is not listed fails."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.sandbox.seccomp import (
    ALLOW,
    ALLOWED,
    ALLOWED_IN_NAMESPACES,
    CHECKED,
    ERRNO,
    KILL,
    MACHINES,
    OWN_NUMBER,
    YOUNG,
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
        elif what == 0x54:
            register &= value
        elif what == 0x06:
            return value
        else:
            good = {0x15: register == value, 0x35: register >= value, 0x45: bool(register & value)}[what]
            at += if_true if good else if_false


@machines
@pytest.mark.parametrize("namespaces", [False, True])
def test_every_listed_call_is_allowed_and_nothing_else(machine, namespaces):
    code = build(machine, namespaces=namespaces)
    listed = {**ALLOWED, **(ALLOWED_IN_NAMESPACES if namespaces else {})}
    allowed = {pair[machine.column] for pair in listed.values()}
    checked = {pair[machine.column] for pair in CHECKED.values()}
    for number in set(range(600)) - checked:
        otherwise = EPERM if number < YOUNG else ENOSYS
        assert answer(code, machine.audit, number, 1) == (ALLOW if number in allowed else otherwise), number


@machines
@given(number=st.integers(600, 2**32 - 1))
def test_later_numbers_and_other_tables_do_not_exist(machine, number):
    assert answer(build(machine, namespaces=True), machine.audit, number) == ENOSYS


@machines
@given(audit=st.integers(0, 2**32 - 1), number=st.integers(0, 500))
def test_another_architecture_is_killed(machine, audit, number):
    if audit != machine.audit:
        assert answer(build(machine, namespaces=True), audit, number) == KILL


THREAD = 0x3D0F00
PLAIN, WRITING = 0o2000000, 0o1101  # O_CLOEXEC; O_WRONLY|O_CREAT|O_TRUNC
ARGUMENTS = [  # (call, arguments that pass, arguments that do not), the same with namespaces and without
    ("clone", [(THREAD,), (THREAD | 0x400000,)],
     [(17,), (0x4111,), *[(THREAD | flag,) for flag in (0x8000, 0x2000, 0x1000, 0x20000, 0x2000000, 0x4000000,
                                                        0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80000000)]]),
    ("openat", [(9, 1, PLAIN), (9, 1, 1), (9, 1, 2), (9, 1, WRITING), (9, 1, 0o1102)],
     [(9, 1, 0o1000), (9, 1, PLAIN | 0o1000), (9, 1, 3), (9, 1, 0o1003), (9, 1, 0o10000003)]),
    ("fcntl", [(3, 1), (3, 1030), (3, 6)], [(3, 8), (3, 10), (3, 15), (3, 1024), (3, 1026), (3, 1031), (3, 1033)]),
    ("ioctl", [(0, 0x5401), (3, 0x5421)], [(0, 0x5412), (2, 0x541C), (3, 0x8901), (3, 0x8902), (3, 0x5452)]),
    ("prctl", [(15,), (39,)], [(1, 0), (1, 9), (4, 0), (22, 2), (23, 0), (24, 0), (0x59616D61, 1), (38, 1)]),
    ("prlimit64", [(0,)], [(77,), (2**32 - 1,)]),
    ("socketpair", [(1, 1), (1, 0x80801)], [(1, 2), (1, 0x80002), (1, 5), (1, 3), (2, 1), (16, 3), (1, 0x40000001)]),
    ("sendto", [(3, 1, 1, 0, 0, 0)], [(3, 1, 1, 0, 1, 16), (3, 1, 1, 0, 1 << 32, 16), (3, 1, 1, 1, 0, 0)]),
]  # fmt: skip


@machines
@pytest.mark.parametrize("namespaces", [False, True])
@pytest.mark.parametrize(("name", "good", "bad"), ARGUMENTS, ids=[name for name, _, _ in ARGUMENTS])
def test_arguments_decide(machine, namespaces, name, good, bad):
    code, number = build(machine, namespaces=namespaces), CHECKED[name][machine.column]
    assert {given: answer(code, machine.audit, number, *given) for given in good} == dict.fromkeys(good, ALLOW)
    assert {given: answer(code, machine.audit, number, *given) for given in bad} == dict.fromkeys(bad, EPERM)


@machines
def test_signals_stay_inside(machine):
    for name in ("kill", "tgkill"):
        number = CHECKED[name][machine.column]
        assert answer(build(machine, namespaces=True), machine.audit, number, 77) == ALLOW
        for whom, said in ((OWN_NUMBER, ALLOW), (77, EPERM), (0, EPERM), (1, EPERM), (2**32 - 1, EPERM)):
            assert answer(build(machine, namespaces=False), machine.audit, number, whom) == said


@machines
def test_no_number_stands_twice(machine):
    tables = (CHECKED, ALLOWED, ALLOWED_IN_NAMESPACES)
    numbers = [pair[machine.column] for table in tables for pair in table.values() if pair[machine.column] is not None]
    assert len(numbers) == len(set(numbers))


def test_the_placeholder_occurs_where_it_is_to_be_replaced_only():
    for machine in MACHINES.values():
        mark = OWN_NUMBER.to_bytes(4, "little")
        assert build(machine, namespaces=False).count(mark) == 2
        assert build(machine, namespaces=True).count(mark) == 0
