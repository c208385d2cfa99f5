"""registry.agent: it runs what its own host allows, word for word and not too often, and nothing
else."""

import socket

import pytest

from client import Client
from core.errors import Invalid
from registry.agent import Action, Agent, is_listening, plain, read_actions, run


def wanted(key="touch", argv=()):
    return {"id": 1, "service_id": "billing", "restart_script": key, "argv": list(argv)}


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "mark"


@pytest.fixture
def agent(mark):
    return Agent(
        Client("http://127.0.0.1:1", "t"),
        ["billing"],
        {"touch": Action("touch", ["touch", str(mark)], limit=2)},
    )


def test_a_key_of_the_list_is_run(agent, mark):
    assert agent.restart(wanted()).result == "done"
    assert mark.exists()


@pytest.mark.parametrize("key", ["/bin/sh", "touch; id", "unknown", ""])
def test_what_is_not_on_the_list_is_refused(agent, mark, key):
    assert agent.restart(wanted(key)).result == "refused"
    assert not mark.exists()


def test_a_command_that_is_not_word_for_word_the_expected_one_is_refused(agent, mark):
    refused = agent.restart(wanted(argv=["touch", "/tmp/other"]))
    assert (refused.result, mark.exists()) == ("refused", False)
    assert agent.restart(wanted(argv=["touch", str(mark)])).result == "done"


def test_one_restart_too_many_is_refused(agent):
    assert [agent.restart(wanted()).result for _ in range(3)] == ["done", "done", "refused"]


def test_after_its_period_it_may_run_again():
    action = Action("a", ["true"], limit=1, period=10)
    assert [action.may_run(now) for now in (100, 109, 110, 111)] == [True, False, True, False]


def test_words_are_passed_as_they_are_and_no_shell_reads_them(tmp_path):
    done = run(Action("a", ["echo", "$HOME;", f"> {tmp_path}/x", "`id`"]))
    assert done.output == f"$HOME; > {tmp_path}/x `id`\n"
    assert not list(tmp_path.iterdir())


def test_the_agents_token_is_not_passed_on(monkeypatch):
    monkeypatch.setenv("IPMANAGER_TOKEN", "secret")
    assert "secret" not in run(Action("a", ["env"])).output


@pytest.mark.parametrize(
    ("argv", "timeout", "exit_status", "said"),
    [
        (["false"], 60, 1, ""),
        (["sleep", "9"], 0.1, None, "not finished after 0.1 s"),
        (["/no/such"], 60, None, "No such"),
    ],
)
def test_a_failure_is_told(argv, timeout, exit_status, said):
    failed = run(Action("a", argv, timeout=timeout))
    assert (failed.result, failed.exit_status) == ("failed", exit_status)
    assert said in failed.output


def test_only_the_end_of_an_output_is_kept_and_nothing_that_moves_a_cursor():
    assert plain(b"x" * 9000 + b"\x1b[2J\0\xff\nend") == "x" * 3990 + "?[2J?�\nend"


# --- the list -------------------------------------------------------------------------------------


def written(tmp_path, text, mode=0o644):
    file = tmp_path / "actions.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_list_is_read(tmp_path):
    file = written(tmp_path, '[actions.a]\nargv = ["true"]\ntimeout = 5\nlimit = 1\nperiod = 60\n')
    assert read_actions(file) == {"a": Action("a", ["true"], 5.0, 1, 60.0)}


@pytest.mark.parametrize("mode", [0o666, 0o664])
def test_a_list_that_others_may_write_is_refused(tmp_path, mode):
    with pytest.raises(Invalid, match="others may write it"):
        read_actions(written(tmp_path, "", mode))


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "actions = 1",
        "[actions]\na = 1",
        '[actions.a]\nargv = "true"',
        "[actions.a]\nargv = []",
        '[actions.a]\nargv = ["true"]\nshell = true',
        '[actions.a]\nargv = ["true"]\nlimit = "many"',
    ],
)
def test_a_list_that_is_wrong_is_refused_with_its_place(tmp_path, text):
    with pytest.raises(Invalid, match="actions.toml: "):
        read_actions(written(tmp_path, text))


# --- who lives ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)]
)
def test_a_service_lives_while_somebody_listens_at_its_port(protocol, kind):
    with socket.socket(socket.AF_INET, kind) as listener:
        listener.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            listener.listen()
        row = {"ip_address": "127.0.0.1", "port": listener.getsockname()[1], "protocol": protocol}
        assert is_listening(row)
        assert is_listening(row | {"ip_address": "0.0.0.0"})
    assert not is_listening(row)
    assert not is_listening(row | {"port": None})
