"""The services that load the topics into Postgres, exactly once."""
