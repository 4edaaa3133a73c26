"""Ports, what is left out, and what is remembered: decisions without any process."""

import socket
import time
from pathlib import Path

import psutil
import pytest

from below_the_line.errors import BelowTheLineError
from btl.stack import ports, state
from btl.stack.state import Choice, External

HOME = Path("/somewhere/.btl")


def test_explicit_ports_go_before_remembered_ones_and_those_before_defaults() -> None:
    chosen = ports.choose(
        HOME,
        explicit={"kafka": 31000},
        remembered={"kafka": 30000, "airflow": 30001},
        automatic=False,
    )

    assert chosen == {
        "postgres": 25432,
        "kafka": 31000,
        "kafka_controller": 29093,
        "airflow": 30001,
        "consumer": 28100,
    }


def test_automatic_ports_avoid_what_is_taken_and_each_other() -> None:
    free = {port for port in range(20_000, 32_001) if port % 7 == 0}

    chosen = ports.choose(
        HOME,
        explicit={"airflow": 28_000},
        remembered={},
        automatic=True,
        usable=lambda port: port in free,
    )

    assert chosen["airflow"] == 28_000
    assert len(set(chosen.values())) == len(ports.DEFAULTS)
    assert set(chosen.values()) <= free | {28_000}


def test_automatic_ports_are_kept_as_long_as_they_are_free() -> None:
    first = ports.choose(HOME, explicit={}, remembered={}, automatic=True, usable=lambda _: True)

    again = ports.choose(
        HOME,
        explicit={},
        remembered=first,
        automatic=True,
        usable=lambda port: port != first["kafka"],
    )

    assert again["postgres"] == first["postgres"]
    assert again["airflow"] == first["airflow"]
    assert again["kafka"] not in first.values()


def test_two_homes_begin_to_look_for_ports_at_different_places() -> None:
    def chosen(home: str) -> dict[str, int]:
        return ports.choose(
            Path(home), explicit={}, remembered={}, automatic=True, usable=lambda _: True
        )

    assert not set(chosen("/a/.btl").values()) & set(chosen("/b/.btl").values())


def test_a_port_in_use_is_not_free_and_its_holder_is_named() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        error = ports.taken("kafka_controller", port)
    assert ports.is_free(port)

    assert (
        f"Port {port} for kafka controller is taken by {psutil.Process().name()}" in error.message
    )
    assert "BTL_KAFKA_CONTROLLER_PORT" in error.hint
    assert "--ports auto" in error.hint


def test_a_port_of_a_live_process_is_not_waited_for() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        began = time.monotonic()
        assert not ports.released(server.getsockname()[1], seconds=60)
        assert time.monotonic() - began < 30
        port = server.getsockname()[1]
    assert ports.released(port)


def test_a_server_on_all_addresses_takes_the_port_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not ports.is_free(server.getsockname()[1])


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(ports={}, without=("kafkaa",)), "no part 'kafkaa'"),
        (Choice(ports={}, without=("postgres",)), "Airflow needs Postgres"),
        (Choice(ports={}, without=("postgres", "airflow")), "consumer needs Postgres"),
        (Choice(ports={}, without=("kafka",)), "consumer needs Kafka"),
        (Choice(ports={"postgres": 5, "kafka": 5}), "have the same port 5"),
        (Choice(ports={"postgres": 70000}), "70000 is not a valid port"),
    ],
)
def test_what_cannot_work_is_refused(choice: Choice, words: str) -> None:
    with pytest.raises(BelowTheLineError, match=words):
        choice.check()


def test_ports_of_parts_that_do_not_run_may_be_the_same() -> None:
    choice = Choice(ports={"postgres": 5, "airflow": 5}, without=("airflow", "kafka", "consumer"))

    choice.check()

    assert choice.needed_ports == {"postgres": 5}


def test_a_service_elsewhere_is_not_started_here() -> None:
    ports_of_all = {"postgres": 1, "kafka": 2, "kafka_controller": 3, "airflow": 4}

    kafka_elsewhere = Choice(
        ports=ports_of_all, external=External(kafka_bootstrap="kafka.example:9092")
    )
    database_elsewhere = Choice(
        ports=ports_of_all, external=External(database_url="postgresql://db.example/x")
    )
    both = Choice(
        ports=ports_of_all,
        external=External(
            database_url="postgresql://db.example/x", airflow_url="http://airflow.example"
        ),
    )

    assert set(kafka_elsewhere.needed_ports) == {"postgres", "airflow"}
    assert set(database_elsewhere.needed_ports) == set(ports_of_all), (
        "Airflow's own tables stay in the stack's own Postgres"
    )
    assert set(both.needed_ports) == {"kafka", "kafka_controller"}


def test_a_choice_is_remembered(tmp_path: Path) -> None:
    choice = Choice(
        ports={"postgres": 1, "kafka": 2, "kafka_controller": 3, "airflow": 4},
        automatic_ports=True,
        without=("airflow",),
        consumers=3,
        external=External(kafka_bootstrap="kafka.example:9092"),
    )
    path = tmp_path / "stack.json"

    state.save(path, choice)

    assert state.load(path) == choice
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ports": 3}'])
def test_a_damaged_memory_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(text)

    with pytest.raises(BelowTheLineError, match=r"stack\.json is damaged"):
        state.load(path)
