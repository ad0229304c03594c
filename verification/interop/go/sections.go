package main

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

// streams creates, describes, lists and deletes.
func (t *tour) streams() {
	names := []string{"go-a", "go-b", "go-c", "go-d", "go-e"}
	for at, name := range names {
		t.create(name, int32(at+1))
	}
	pages := kinesis.NewListStreamsPaginator(t.client, &kinesis.ListStreamsInput{Limit: aws.Int32(2)})
	var listed []string
	pageCount := 0
	for pages.HasMorePages() {
		page := must[*kinesis.ListStreamsOutput](t)(pages.NextPage(t.ctx))
		t.check(len(page.StreamNames) <= 2 && len(page.StreamSummaries) == len(page.StreamNames), "pages of two")
		listed = append(listed, page.StreamNames...)
		pageCount++
	}
	t.check(slices.Equal(listed, names), "five streams are listed in order: %v", listed)
	t.check(pageCount == 3, "on three pages, not %d", pageCount)

	described := kinesis.NewDescribeStreamPaginator(t.client, &kinesis.DescribeStreamInput{
		StreamName: aws.String("go-e"), Limit: aws.Int32(2),
	})
	next := new(big.Int)
	for described.HasMorePages() {
		page := must[*kinesis.DescribeStreamOutput](t)(described.NextPage(t.ctx)).StreamDescription
		t.check(page.StreamStatus == types.StreamStatusActive, "it is active")
		for _, shard := range page.Shards {
			t.check(*shard.HashKeyRange.StartingHashKey == next.String(), "%s begins behind the one before", *shard.ShardId)
			end, _ := new(big.Int).SetString(*shard.HashKeyRange.EndingHashKey, 10)
			next.Add(end, big.NewInt(1))
		}
	}
	t.check(next.Cmp(new(big.Int).Lsh(big.NewInt(1), 128)) == 0, "five shards cover the ring")

	summary := must[*kinesis.DescribeStreamSummaryOutput](t)(t.client.DescribeStreamSummary(t.ctx,
		&kinesis.DescribeStreamSummaryInput{StreamName: aws.String("go-e")})).StreamDescriptionSummary
	t.check(*summary.OpenShardCount == 5 && *summary.RetentionPeriodHours == 24, "five open shards, a day kept")
	byARN := must[*kinesis.DescribeStreamSummaryOutput](t)(t.client.DescribeStreamSummary(t.ctx,
		&kinesis.DescribeStreamSummaryInput{StreamARN: summary.StreamARN})).StreamDescriptionSummary
	t.check(*byARN.StreamName == "go-e", "its ARN names it: %s", *summary.StreamARN)

	// ListShards has no paginator in this SDK.
	input := &kinesis.ListShardsInput{StreamName: aws.String("go-e"), MaxResults: aws.Int32(2)}
	var shardIDs []string
	for {
		page := must[*kinesis.ListShardsOutput](t)(t.client.ListShards(t.ctx, input))
		for _, shard := range page.Shards {
			shardIDs = append(shardIDs, *shard.ShardId)
		}
		if page.NextToken == nil {
			break
		}
		input = &kinesis.ListShardsInput{NextToken: page.NextToken, MaxResults: aws.Int32(2)}
	}
	t.check(len(shardIDs) == 5 && slices.IsSorted(shardIDs), "five shards are listed in order: %v", shardIDs)

	must[*kinesis.AddTagsToStreamOutput](t)(t.client.AddTagsToStream(t.ctx, &kinesis.AddTagsToStreamInput{
		StreamName: aws.String("go-a"), Tags: map[string]string{"team": "gophers", "größe": "1"},
	}))
	tags := must[*kinesis.ListTagsForStreamOutput](t)(t.client.ListTagsForStream(t.ctx,
		&kinesis.ListTagsForStreamInput{StreamName: aws.String("go-a")})).Tags
	t.check(len(tags) == 2 && !slices.ContainsFunc(tags, func(tag types.Tag) bool { return tag.Value == nil }), "two tags")

	must[*kinesis.DeleteStreamOutput](t)(t.client.DeleteStream(t.ctx, &kinesis.DeleteStreamInput{StreamName: aws.String("go-a")}))
	waiter := kinesis.NewStreamNotExistsWaiter(t.client, func(o *kinesis.StreamNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	})
	err := waiter.Wait(t.ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("go-a")}, patience)
	t.check(err == nil, "a stream that was deleted goes away: %v", err)
}

// records puts, and reads by every kind of iterator.
func (t *tour) records() {
	name, shardID := "go-records", "shardId-000000000000"
	t.create(name, 1)
	var entries []types.PutRecordsRequestEntry
	for at := range 700 {
		data := make([]byte, at%300)
		for index := range data {
			data[index] = byte(index*31 + at)
		}
		entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: aws.String(fmt.Sprintf("schlüssel %d", at%37)), Data: data})
	}
	latest := t.iterator(name, shardID, types.ShardIteratorTypeLatest, nil)
	var places []string
	for at := 0; at < len(entries); at += 350 {
		output := must[*kinesis.PutRecordsOutput](t)(t.client.PutRecords(t.ctx, &kinesis.PutRecordsInput{
			StreamName: &name, Records: entries[at : at+350],
		}))
		t.check(*output.FailedRecordCount == 0 && len(output.Records) == 350, "none of 350 fails")
		for _, record := range output.Records {
			t.check(*record.ShardId == shardID, "there is one shard")
			places = append(places, *record.SequenceNumber)
		}
	}
	lone := types.PutRecordsRequestEntry{PartitionKey: aws.String("lone"), Data: []byte("a & < > \x00 \u2028 é")}
	single := must[*kinesis.PutRecordOutput](t)(t.client.PutRecord(t.ctx, &kinesis.PutRecordInput{
		StreamName: &name, PartitionKey: lone.PartitionKey, Data: lone.Data,
		ExplicitHashKey: aws.String("42"), SequenceNumberForOrdering: &places[len(places)-1],
	}))
	entries = append(entries, lone)
	places = append(places, *single.SequenceNumber)

	records, page := t.readFrom(t.iterator(name, shardID, types.ShardIteratorTypeTrimHorizon, nil))
	t.checkSame("TRIM_HORIZON", records, entries)
	t.check(page.NextShardIterator != nil && *page.MillisBehindLatest == 0, "an open shard goes on")
	for at, record := range records {
		t.check(*record.SequenceNumber == places[at], "record %d lies where its put was told", at)
	}
	records, _ = t.readFrom(latest)
	t.checkSame("LATEST from before the puts", records, entries)
	records, _ = t.readFrom(t.iterator(name, shardID, types.ShardIteratorTypeLatest, nil))
	t.check(len(records) == 0, "LATEST shows nothing of before")
	at := func(input *kinesis.GetShardIteratorInput) { input.StartingSequenceNumber = &places[500] }
	records, _ = t.readFrom(t.iterator(name, shardID, types.ShardIteratorTypeAtSequenceNumber, at))
	t.checkSame("AT_SEQUENCE_NUMBER", records, entries[500:])
	records, _ = t.readFrom(t.iterator(name, shardID, types.ShardIteratorTypeAfterSequenceNumber, at))
	t.checkSame("AFTER_SEQUENCE_NUMBER", records, entries[501:])
	records, _ = t.readFrom(t.iterator(name, shardID, types.ShardIteratorTypeAtTimestamp, func(input *kinesis.GetShardIteratorInput) {
		input.Timestamp = aws.Time(time.Now().Add(-time.Hour))
	}))
	t.checkSame("AT_TIMESTAMP an hour ago", records, entries)
}

// reshards splits and merges, and reads over both.
func (t *tour) reshards() {
	name := "go-reshards"
	t.create(name, 1)
	put := func(key, hashKey string) string {
		return *must[*kinesis.PutRecordOutput](t)(t.client.PutRecord(t.ctx, &kinesis.PutRecordInput{
			StreamName: &name, PartitionKey: &key, ExplicitHashKey: &hashKey, Data: []byte(key),
		})).ShardId
	}
	t.check(put("before", "0") == "shardId-000000000000", "the first shard")
	must[*kinesis.SplitShardOutput](t)(t.client.SplitShard(t.ctx, &kinesis.SplitShardInput{
		StreamName: &name, ShardToSplit: aws.String("shardId-000000000000"), NewStartingHashKey: aws.String("1000"),
	}))
	t.untilActive(name)
	t.check(put("low", "999") == "shardId-000000000001", "below the split")
	t.check(put("high", "1000") == "shardId-000000000002", "above the split")

	records, end := t.readFrom(t.iterator(name, "shardId-000000000000", types.ShardIteratorTypeTrimHorizon, nil))
	for end.NextShardIterator != nil {
		var more []types.Record
		more, end = t.readFrom(end.NextShardIterator)
		records = append(records, more...)
	}
	t.check(len(records) == 1 && string(records[0].Data) == "before", "the parent holds what came before")
	t.check(len(end.ChildShards) == 2, "it ends with two children")
	for at, child := range end.ChildShards {
		t.check(*child.ShardId == fmt.Sprintf("shardId-%012d", at+1), "child %d", at)
		t.check(slices.Equal(child.ParentShards, []string{"shardId-000000000000"}), "its parent")
	}

	must[*kinesis.MergeShardsOutput](t)(t.client.MergeShards(t.ctx, &kinesis.MergeShardsInput{
		StreamName: &name, ShardToMerge: aws.String("shardId-000000000001"), AdjacentShardToMerge: aws.String("shardId-000000000002"),
	}))
	t.untilActive(name)
	shards := t.shardsOf(name)
	t.check(len(shards) == 4, "four shards have been")
	merged := shards[3]
	t.check(*merged.ParentShardId == "shardId-000000000001" && *merged.AdjacentParentShardId == "shardId-000000000002", "two parents")
	t.check(merged.SequenceNumberRange.EndingSequenceNumber == nil, "the last one is open")
	for _, shard := range shards[:3] {
		t.check(shard.SequenceNumberRange.EndingSequenceNumber != nil, "%s is closed", *shard.ShardId)
	}
	open := must[*kinesis.ListShardsOutput](t)(t.client.ListShards(t.ctx, &kinesis.ListShardsInput{
		StreamName: &name, ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest},
	})).Shards
	t.check(len(open) == 1 && *open[0].ShardId == "shardId-000000000003", "AT_LATEST shows the open one")
	t.check(put("after", "0") == "shardId-000000000003", "the merged shard takes the ring")
}

// fanOut registers consumers and reads by subscription, over the end of a shard.
func (t *tour) fanOut() {
	name, shardID := "go-fan-out", "shardId-000000000000"
	t.create(name, 1)
	arn := must[*kinesis.DescribeStreamSummaryOutput](t)(t.client.DescribeStreamSummary(t.ctx,
		&kinesis.DescribeStreamSummaryInput{StreamName: &name})).StreamDescriptionSummary.StreamARN
	var consumer *string
	for _, consumerName := range []string{"one", "three", "two"} {
		registered := must[*kinesis.RegisterStreamConsumerOutput](t)(t.client.RegisterStreamConsumer(t.ctx,
			&kinesis.RegisterStreamConsumerInput{StreamARN: arn, ConsumerName: &consumerName})).Consumer
		t.check(*registered.ConsumerName == consumerName, "the consumer %s", consumerName)
		consumer = registered.ConsumerARN
		t.untilConsumerIsActive(consumer)
	}
	var listed []string
	pages := kinesis.NewListStreamConsumersPaginator(t.client, &kinesis.ListStreamConsumersInput{StreamARN: arn, MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		for _, one := range must[*kinesis.ListStreamConsumersOutput](t)(pages.NextPage(t.ctx)).Consumers {
			listed = append(listed, *one.ConsumerName)
		}
	}
	slices.Sort(listed)
	t.check(slices.Equal(listed, []string{"one", "three", "two"}), "three consumers: %v", listed)

	var entries []types.PutRecordsRequestEntry
	for at := range 200 {
		entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: aws.String("key"), Data: []byte(fmt.Sprint("event ", at))})
	}
	put := func(from, to int) {
		output := must[*kinesis.PutRecordsOutput](t)(t.client.PutRecords(t.ctx, &kinesis.PutRecordsInput{StreamName: &name, Records: entries[from:to]}))
		t.check(*output.FailedRecordCount == 0, "all are put")
	}
	put(0, 100)
	subscription := t.subscribe(consumer, shardID, &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon})
	records, _, _ := t.follow(subscription, 100)
	t.checkSame("what was there is pushed", records, entries[:100])
	put(100, 200)
	records, place, _ := t.follow(subscription, 100)
	t.checkSame("what comes is pushed", records, entries[100:])
	t.check(subscription.Close() == nil && subscription.Err() == nil, "a subscription closes: %v", subscription.Err())

	must[*kinesis.SplitShardOutput](t)(t.client.SplitShard(t.ctx, &kinesis.SplitShardInput{
		StreamName: &name, ShardToSplit: &shardID, NewStartingHashKey: aws.String("1000"),
	}))
	t.untilActive(name)
	// One consumer reads a shard once every five seconds; another one goes on from the place.
	other := must[*kinesis.DescribeStreamConsumerOutput](t)(t.client.DescribeStreamConsumer(t.ctx,
		&kinesis.DescribeStreamConsumerInput{StreamARN: arn, ConsumerName: aws.String("one")})).ConsumerDescription.ConsumerARN
	rest := t.subscribe(other, shardID, &types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: place})
	records, _, children := t.follow(rest, -1)
	t.check(len(records) == 0, "nothing comes twice")
	t.check(len(children) == 2 && *children[0].ShardId == "shardId-000000000001", "the end names the children")
	t.check(rest.Close() == nil && rest.Err() == nil, "the end is no error: %v", rest.Err())

	must[*kinesis.DeregisterStreamConsumerOutput](t)(t.client.DeregisterStreamConsumer(t.ctx, &kinesis.DeregisterStreamConsumerInput{ConsumerARN: consumer}))
	_, err := t.once.SubscribeToShard(t.ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/go-fan-out/consumer/none:1"), ShardId: &shardID,
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest},
	})
	fails[*types.ResourceNotFoundException](t, err, "none")
}

func (t *tour) untilConsumerIsActive(arn *string) {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		description := must[*kinesis.DescribeStreamConsumerOutput](t)(t.client.DescribeStreamConsumer(t.ctx,
			&kinesis.DescribeStreamConsumerInput{ConsumerARN: arn})).ConsumerDescription
		if description.ConsumerStatus == types.ConsumerStatusActive {
			return
		}
		t.check(time.Now().Before(end), "a consumer becomes active")
	}
}

func (t *tour) subscribe(consumer *string, shardID string, position *types.StartingPosition) *kinesis.SubscribeToShardEventStream {
	return must[*kinesis.SubscribeToShardOutput](t)(t.client.SubscribeToShard(t.ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: consumer, ShardId: &shardID, StartingPosition: position,
	})).GetStream()
}

// follow reads so many records, or to the end of the shard; with them the last place and the shard's children.
func (t *tour) follow(subscription *kinesis.SubscribeToShardEventStream, count int) ([]types.Record, *string, []types.ChildShard) {
	var records []types.Record
	var place *string
	var children []types.ChildShard
	for len(records) != count {
		event, isOpen := <-subscription.Events()
		if !isOpen {
			t.check(count < 0, "the subscription ended: %v", subscription.Err())
			break
		}
		pushed, isKnown := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		t.check(isKnown && pushed.Value.ContinuationSequenceNumber != nil || len(pushed.Value.ChildShards) > 0, "an event with a place: %T", event)
		records = append(records, pushed.Value.Records...)
		if pushed.Value.ContinuationSequenceNumber != nil {
			place = pushed.Value.ContinuationSequenceNumber
		}
		children = append(children, pushed.Value.ChildShards...)
	}
	return records, place, children
}

// refusals have their types.
func (t *tour) refusals() {
	name, shardID := "go-refusals", "shardId-000000000000"
	t.create(name, 1)
	_, err := t.once.DescribeStreamSummary(t.ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("none")})
	fails[*types.ResourceNotFoundException](t, err, "Stream none under account 000000000000 not found")
	_, err = t.once.CreateStream(t.ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(1)})
	fails[*types.ResourceInUseException](t, err, name)
	_, err = t.once.CreateStream(t.ctx, &kinesis.CreateStreamInput{StreamName: aws.String("go-huge"), ShardCount: aws.Int32(100_000)})
	fails[*types.LimitExceededException](t, err, "")
	_, err = t.once.SplitShard(t.ctx, &kinesis.SplitShardInput{StreamName: &name, ShardToSplit: &shardID, NewStartingHashKey: aws.String("0")})
	fails[*types.InvalidArgumentException](t, err, "")
	_, err = t.once.GetRecords(t.ctx, &kinesis.GetRecordsInput{ShardIterator: aws.String("AAAA")})
	fails[*types.InvalidArgumentException](t, err, "")
	_, err = t.once.PutRecord(t.ctx, &kinesis.PutRecordInput{StreamName: &name, PartitionKey: aws.String("k"), ExplicitHashKey: aws.String("-1"), Data: []byte("x")})
	var refusal smithy.APIError
	t.check(errors.As(err, &refusal) && refusal.ErrorCode() == "ValidationException", "a constraint is a ValidationException: %v", err)
	t.check(refusal.ErrorFault() == smithy.FaultClient, "and the client's fault")

	// A shard takes 1 MiB a second. A machine that is slower than that would need a second for each put, fifty times.
	megabyte := make([]byte, 1<<20-1)
	isThrottled := false
	for range 50 {
		_, err = t.once.PutRecord(t.ctx, &kinesis.PutRecordInput{StreamName: &name, PartitionKey: aws.String("k"), Data: megabyte})
		if err != nil {
			fails[*types.ProvisionedThroughputExceededException](t, err, "Rate exceeded for shard shardId-000000000000 in stream go-refusals")
			isThrottled = true
			break
		}
	}
	t.check(isThrottled, "more than a shard takes is throttled")
	output := must[*kinesis.PutRecordsOutput](t)(t.once.PutRecords(t.ctx, &kinesis.PutRecordsInput{StreamName: &name, Records: []types.PutRecordsRequestEntry{
		{PartitionKey: aws.String("k"), Data: megabyte}, {PartitionKey: aws.String("k"), Data: megabyte},
	}}))
	t.check(*output.FailedRecordCount > 0, "in a batch each record is told")
	t.check(*output.Records[1].ErrorCode == "ProvisionedThroughputExceededException", "by its code")
	// The SDK tries again by itself until the rate allows it. Its three attempts may fall into the second that the shard needs: the waits
	// between them are of any length up to one and two seconds.
	patient := func(options *kinesis.Options) { options.RetryMaxAttempts = 10 }
	must[*kinesis.PutRecordOutput](t)(t.client.PutRecord(t.ctx, &kinesis.PutRecordInput{StreamName: &name, PartitionKey: aws.String("k"), Data: []byte("x")}, patient))
}
