"""Objects of a real S3 server: conditional writes, what is tried again and for how long, one line for each refusal."""

import pytest
from object_store import KEY, LOST, NEEDED, SECRET, SLOW

from potstill import bucket as buckets
from potstill.bucket import BucketError, ObjectStore
from potstill.errors import PotstillError

pytestmark = NEEDED


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(buckets, "PATIENCE", 1.0)
    monkeypatch.setattr(buckets, "FIRST_PAUSE", 0.01)


def test_who_creates_or_replaces_first_is_the_only_one(bucket):
    one, two = ObjectStore(bucket), ObjectStore(bucket + "/")
    assert one.create("a/part", b"first")
    assert not two.create("a/part", b"second")
    seen = two.get("a/part")
    assert seen.data == b"first"
    assert one.replace("a/part", b"third", seen.version)
    assert not two.replace("a/part", b"fourth", seen.version)
    assert one.get("a/part").data == b"third"
    assert two.get("a/none") is None
    assert [one.has("a/part"), one.has("a/none")] == [True, False]
    one.put("b", b"")
    assert sorted(one.names()) == ["a/part", "b"]
    assert sorted(one.names("a")) == ["part"]
    one.remove(["a/part", "a/none", "b"])
    assert one.names() == {}
    assert abs(one.now() - two.now()) < 5


def test_the_prefix_may_be_the_whole_bucket(s3, bucket):
    s3.make_bucket("whole")
    whole = ObjectStore("s3://whole")
    assert whole.create("run.json", b"x")
    assert sorted(whole.names()) == ["run.json"]


@pytest.mark.parametrize("answers", [[(503, "SlowDown")] * 3, [(500, "InternalError"), SLOW], [(429, "TooMany")]])
def test_a_store_that_cannot_serve_now_is_asked_again(s3, bucket, answers):
    s3.faults["PUT", "/part"] = [*answers]
    s3.faults["GET", "/part"] = [*answers]
    assert ObjectStore(bucket).create("part", b"data")
    assert ObjectStore(bucket).get("part").data == b"data"
    assert s3.faults["PUT", "/part"] == []


@pytest.mark.parametrize("answer", [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")])
def test_refused_writes_say_that_somebody_was_first(s3, bucket, answer):
    s3.faults["PUT", "/part"] = [answer, answer]
    store = ObjectStore(bucket)
    assert not store.create("part", b"data")
    assert not store.replace("part", b"data", {"e_tag": '"1"'})
    assert store.get("part") is None


def test_a_write_whose_answer_is_lost_looks_as_if_somebody_had_been_first(s3, bucket):
    s3.faults["PUT", "/part"] = [LOST]
    store = ObjectStore(bucket)
    assert not store.create("part", b"data")
    assert store.get("part").data == b"data"


@pytest.mark.parametrize(
    ("method", "answers", "call", "line"),
    [
        ("PUT", [(503, "SlowDown")] * 99, "put", r"did not serve for 1 s \(last: 503 SlowDown\): nothing committed is"),
        ("PUT", [LOST] * 99, "put", r"did not serve for 1 s \(last: no connection\)"),
        ("PUT", [(403, "AccessDenied")], "put", r"cannot be written by this process \(403 AccessDenied\): give it a"),
        ("GET", [(403, "InvalidAccessKeyId")], "get", r"cannot be read by this process \(403 InvalidAccessKeyId\)"),
        ("PUT", [(403, "RequestTimeTooSkewed")], "put", "the clock of this machine is too far from the store's: set"),
        ("PUT", [(400, "InvalidRequest")], "put", "cannot be written: the store answered 400 InvalidRequest"),
    ],
)  # fmt: skip
def test_one_line_for_each_refusal_and_no_key_in_it(s3, bucket, method, answers, call, line):
    s3.faults[method, "/part"] = answers
    with pytest.raises(BucketError, match=line) as told:
        getattr(ObjectStore(bucket), call)("part", *([b"data"] if call == "put" else []))
    assert told.value.__cause__ is None
    assert not any(secret in str(told.value) for secret in (KEY, SECRET))
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


def test_what_is_not_there_or_cannot_be_asked_is_one_line(s3, bucket, monkeypatch):
    for call in (lambda b: b.get("x"), lambda b: b.put("x", b""), lambda b: b.names()):
        with pytest.raises(BucketError, match=r"s3://none: there is no such bucket \(404 NoSuchBucket\)"):
            call(ObjectStore("s3://none"))
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ALLOW_HTTP", "false")
        with pytest.raises(BucketError, match="set AWS_ALLOW_HTTP=true"):
            ObjectStore(bucket).get("x")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        with pytest.raises(BucketError, match=r"did not serve for 1 s \(last: no connection\)"):
            ObjectStore(bucket).get("x")
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        patch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(BucketError, match="no credentials are found here: set AWS_ACCESS_KEY_ID and"):
            ObjectStore(bucket).get("x")
    with pytest.raises(BucketError, match="no credentials are found here: set AZURE_STORAGE_ACCOUNT_NAME"):
        ObjectStore("az://container/prefix")


def test_a_clock_that_is_far_from_the_store_s_is_told(bucket, monkeypatch):
    store, real = ObjectStore(bucket), buckets.time.time
    monkeypatch.setattr(buckets.time, "time", lambda: real() - 1800)
    with pytest.raises(BucketError, match="the clock of this machine is 30 minutes behind the store's: set it"):
        store.now()


@pytest.mark.parametrize("address", ["s3://key:secret@bucket/x", "az://c/x?sig=secret", "ftp://a/b", "s3:///x"])
def test_addresses_of_other_kinds_and_with_keys_are_refused(address):
    with pytest.raises(PotstillError) as told:
        ObjectStore(address)
    assert "secret" not in str(told.value)
