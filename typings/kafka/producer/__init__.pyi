from kafka.producer.kafka import KafkaProducer as KafkaProducer
