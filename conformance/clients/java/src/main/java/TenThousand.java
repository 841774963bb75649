import com.google.api.core.ApiFuture;
import com.google.api.gax.core.NoCredentialsProvider;
import com.google.api.gax.grpc.GrpcTransportChannel;
import com.google.api.gax.rpc.FixedTransportChannelProvider;
import com.google.api.gax.rpc.TransportChannelProvider;
import com.google.cloud.pubsub.v1.MessageReceiver;
import com.google.cloud.pubsub.v1.Publisher;
import com.google.cloud.pubsub.v1.Subscriber;
import com.google.protobuf.ByteString;
import com.google.pubsub.v1.ProjectSubscriptionName;
import com.google.pubsub.v1.PubsubMessage;
import com.google.pubsub.v1.TopicName;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Publishes COUNT messages, receives and acks them all, and prints how many came. Usage: TenThousand PROJECT TOPIC
 * SUBSCRIPTION COUNT, with PUBSUB_EMULATOR_HOST set.
 */
public final class TenThousand {
  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[3]);
    String endpoint = System.getenv("PUBSUB_EMULATOR_HOST");
    ManagedChannel channel = ManagedChannelBuilder.forTarget(endpoint).usePlaintext().build();
    TransportChannelProvider transport = FixedTransportChannelProvider.create(GrpcTransportChannel.create(channel));
    NoCredentialsProvider nobody = NoCredentialsProvider.create();

    Publisher publisher =
        Publisher.newBuilder(TopicName.of(args[0], args[1]))
            .setChannelProvider(transport)
            .setCredentialsProvider(nobody)
            .build();
    List<ApiFuture<String>> futures = new ArrayList<>();
    for (int index = 0; index < count; index++) {
      futures.add(publisher.publish(PubsubMessage.newBuilder().setData(ByteString.copyFromUtf8("m" + index)).build()));
    }
    publisher.publishAllOutstanding();
    Set<String> published = new HashSet<>();
    for (ApiFuture<String> future : futures) published.add(future.get(60, TimeUnit.SECONDS));

    AtomicInteger received = new AtomicInteger();
    Set<String> unique = ConcurrentHashMap.newKeySet();
    CountDownLatch done = new CountDownLatch(1);
    MessageReceiver receiver =
        (message, reply) -> {
          reply.ack();
          received.incrementAndGet();
          unique.add(message.getMessageId());
          if (unique.size() >= count) done.countDown();
        };
    Subscriber subscriber =
        Subscriber.newBuilder(ProjectSubscriptionName.of(args[0], args[2]), receiver)
            .setChannelProvider(transport)
            .setCredentialsProvider(nobody)
            .build();
    subscriber.startAsync().awaitRunning();
    boolean isDone = done.await(120, TimeUnit.SECONDS);
    subscriber.stopAsync().awaitTerminated(60, TimeUnit.SECONDS);
    publisher.shutdown();
    channel.shutdownNow();
    if (!isDone || !unique.equals(published)) {
      System.err.println("only " + unique.size() + " of " + count + " messages came");
      System.exit(1);
    }
    System.out.println("received " + received.get() + " unique " + unique.size());
    System.exit(0);
  }
}
