// Publishes COUNT messages, receives and acks them all, and prints how many came.
//
// Usage: tenthousand PROJECT TOPIC SUBSCRIPTION COUNT, with PUBSUB_EMULATOR_HOST set.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

func main() {
	project, topic, subscription := os.Args[1], os.Args[2], os.Args[3]
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	publisher := client.Publisher(topic)
	results := make([]*pubsub.PublishResult, count)
	for i := range results {
		results[i] = publisher.Publish(ctx, &pubsub.Message{Data: []byte(fmt.Sprintf("m%d", i))})
	}
	published := make(map[string]bool, count)
	for _, result := range results {
		id, err := result.Get(ctx)
		if err != nil {
			log.Fatal(err)
		}
		published[id] = true
	}

	var lock sync.Mutex
	received := 0
	unique := make(map[string]bool, count)
	receiving, stop := context.WithCancel(ctx)
	err = client.Subscriber(subscription).Receive(receiving, func(_ context.Context, message *pubsub.Message) {
		message.Ack()
		lock.Lock()
		defer lock.Unlock()
		received++
		unique[message.ID] = true
		if len(unique) >= count {
			stop()
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	for id := range unique {
		if !published[id] {
			log.Fatalf("%s came and was not published", id)
		}
	}
	if len(unique) != count {
		log.Fatalf("only %d of %d messages came", len(unique), count)
	}
	fmt.Printf("received %d unique %d\n", received, len(unique))
}
