"""Between us and Kafka: what is fetched and in which chunks, what is published and confirmed."""
