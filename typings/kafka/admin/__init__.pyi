from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import TypedDict

from kafka.protocol.consumer import IsolationLevel, OffsetSpec
from kafka.structs import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition

class _Partition(TypedDict):
    partition_index: int
    leader_id: int
    replica_nodes: list[int]
    isr_nodes: list[int]

class _Topic(TypedDict):
    name: str
    topic_id: str
    error_code: int
    partitions: list[_Partition]

class _Group(TypedDict):
    group_id: str

class ConfigResourceType(IntEnum):
    TOPIC = 2
    BROKER = 4

class ConfigResource:
    def __init__(
        self,
        resource_type: ConfigResourceType,
        name: str,
        configs: Mapping[str, object] | Sequence[str] | None = None,
    ) -> None: ...

class KafkaAdminClient:
    def __init__(self, **configs: object) -> None: ...
    def list_topics(self) -> list[str]: ...
    def describe_topics(self, topics: Iterable[str] | None = None) -> list[_Topic]: ...
    def create_topics(
        self, new_topics: Mapping[str, Mapping[str, object]], timeout_ms: int | None = None
    ) -> object: ...
    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: int = 10000) -> object: ...
    def delete_topics(self, topics: Sequence[str], timeout_ms: int | None = None) -> object: ...
    def create_partitions(self, topic_partitions: Mapping[str, int]) -> object: ...
    def alter_configs(
        self, config_resources: Sequence[ConfigResource]
    ) -> dict[str, dict[str, str]]: ...
    def describe_configs(
        self,
        config_resources: Sequence[ConfigResource],
        include_synonyms: bool = False,
        config_filter: str = "modified",
    ) -> dict[str, dict[str, dict[str, dict[str, object]]]]: ...
    def list_groups(self) -> list[_Group]: ...
    def list_group_offsets(
        self, group_specs: Sequence[str]
    ) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]: ...
    def delete_groups(self, group_ids: Sequence[str]) -> object: ...
    def delete_records(self, records_to_delete: Mapping[TopicPartition, int]) -> object: ...
    def list_partition_offsets(
        self,
        topic_partition_specs: Mapping[TopicPartition, OffsetSpec | int],
        isolation_level: IsolationLevel = ...,
        timeout_ms: int | None = None,
    ) -> dict[TopicPartition, OffsetAndTimestamp]: ...
    def describe_cluster(self) -> dict[str, object]: ...
    def close(self) -> None: ...
