"""Publishes COUNT messages of 10 keys in order, receives them with 3 subscribers, and checks the order of each key.

Usage: ordered.py PROJECT TOPIC SUBSCRIPTION COUNT, with PUBSUB_EMULATOR_HOST set.
"""

import sys
import threading

from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import PublisherOptions

project, topic, subscription, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

KEYS = 10
publisher = pubsub_v1.PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
topic_path = publisher.topic_path(project, topic)

lock = threading.Lock()
done = threading.Event()
received = []
by_key = {}


def on_message(message):
    with lock:
        received.append(message.message_id)
        by_key.setdefault(message.ordering_key, []).append(int(message.data))
        if len(set(received)) >= count:
            done.set()
    message.ack()


subscribers = [pubsub_v1.SubscriberClient() for _ in range(3)]
path = subscribers[0].subscription_path(project, subscription)
pulls = [one.subscribe(path, callback=on_message) for one in subscribers]
futures = [
    publisher.publish(topic_path, str(index).encode(), ordering_key=f"key-{index % KEYS}") for index in range(count)
]
published = {future.result(timeout=60) for future in futures}
if not done.wait(timeout=60):
    sys.exit(f"only {len(set(received))} of {count} messages came in 60 s")
for pull in pulls:
    pull.cancel()
    pull.result(timeout=60)

if set(received) != published:
    sys.exit("what came is not what was published")
for key, numbers in by_key.items():
    if numbers != sorted(numbers):
        sys.exit(f"{key} came out of order: {numbers[:20]}")
print(f"received {len(received)} unique {len(set(received))}")
