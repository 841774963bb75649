"""Publishes COUNT messages, receives and acks them all, and prints how many came.

Usage: ten_thousand.py PROJECT TOPIC SUBSCRIPTION COUNT, with PUBSUB_EMULATOR_HOST set.
"""

import sys
import threading

from google.cloud import pubsub_v1

project, topic, subscription, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

publisher = pubsub_v1.PublisherClient()
subscriber = pubsub_v1.SubscriberClient()
topic_path = publisher.topic_path(project, topic)
futures = [publisher.publish(topic_path, f"m{index}".encode()) for index in range(count)]
published = {future.result(timeout=60) for future in futures}

lock = threading.Lock()
done = threading.Event()
received = []


def on_message(message):
    message.ack()
    with lock:
        received.append(message.message_id)
        if len(set(received)) >= count:
            done.set()


with subscriber:
    pull = subscriber.subscribe(subscriber.subscription_path(project, subscription), callback=on_message)
    if not done.wait(timeout=120):
        sys.exit(f"only {len(set(received))} of {count} messages came in 120 s")
    pull.cancel()
    pull.result(timeout=60)

if set(received) != published:
    sys.exit("what came is not what was published")
print(f"received {len(received)} unique {len(set(received))}")
