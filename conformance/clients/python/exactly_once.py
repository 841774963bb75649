"""Publishes COUNT messages and acks them all, each confirmed; nacks every tenth first, and prints how many came.

Usage: exactly_once.py PROJECT TOPIC SUBSCRIPTION COUNT, with PUBSUB_EMULATOR_HOST set.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError, AcknowledgeStatus

project, topic, subscription, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

publisher = pubsub_v1.PublisherClient()
subscriber = pubsub_v1.SubscriberClient()
topic_path = publisher.topic_path(project, topic)

lock = threading.Lock()
done = threading.Event()
nacked = set()
received = []
acked = set()
failures = []
confirming = ThreadPoolExecutor(max_workers=32)


def confirm(future, message_id, is_ack):
    try:
        status = future.result(timeout=60)
    except AcknowledgeError as error:
        status = error.error_code
    with lock:
        if status != AcknowledgeStatus.SUCCESS:
            failures.append(f"{'ack' if is_ack else 'nack'} of {message_id}: {status}")
        if is_ack:
            acked.add(message_id)
            if len(acked) >= count:
                done.set()


def on_message(message):
    with lock:
        is_first_of_ten = int(message.data) % 10 == 0 and message.message_id not in nacked
        if is_first_of_ten:
            nacked.add(message.message_id)
        else:
            received.append(message.message_id)
    future = message.nack_with_response() if is_first_of_ten else message.ack_with_response()
    confirming.submit(confirm, future, message.message_id, not is_first_of_ten)


with subscriber:
    pull = subscriber.subscribe(subscriber.subscription_path(project, subscription), callback=on_message)
    # The client learns from the stream's first response that acks are confirmed.
    futures = [publisher.publish(topic_path, str(index).encode()) for index in range(count)]
    published = {future.result(timeout=60) for future in futures}
    if not done.wait(timeout=60):
        sys.exit(f"only {len(acked)} of {count} acks were confirmed in 60 s: {failures[:3]}")
    pull.cancel()
    pull.result(timeout=60)

if failures:
    sys.exit(f"{len(failures)} confirmations failed: {failures[:3]}")
if set(received) != published:
    sys.exit("what came is not what was published")
print(f"received {len(received)} unique {len(set(received))}")
