from kafka.cluster import ClusterMetadata

class DefaultPartitioner:
    def partition(
        self,
        topic: str,
        key: object,
        serialized_key: bytes | None,
        value: object,
        serialized_value: bytes | None,
        cluster: ClusterMetadata,
    ) -> int: ...

def murmur2(data: bytes) -> int: ...
