// A tour of Kinesis with the AWS SDK for Go v2, as its users write it: typed errors, paginators, waiters, event streams. Every
// expectation is counted; it ends with 1 at the first that does not hold.
//
//	millrace-interop-go ENDPOINT REGION [CA-CERTIFICATE]
//
// With a certificate the endpoint has to be https, and the tour expects HTTP/2.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// How long anything may take on a busy machine.
const patience = 2 * time.Minute

type tour struct {
	ctx    context.Context
	client *kinesis.Client
	// Tries nothing again, so that errors are seen.
	once       *kinesis.Client
	checkCount int
}

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: ENDPOINT REGION [CA-CERTIFICATE]")
		os.Exit(2)
	}
	wire := &notingClient{counts: map[string]int{}}
	expected := "HTTP/1.1"
	inner := awshttp.NewBuildableClient()
	if len(os.Args) == 4 {
		expected = "HTTP/2.0"
		roots := x509.NewCertPool()
		certificate, err := os.ReadFile(os.Args[3])
		if err != nil || !roots.AppendCertsFromPEM(certificate) {
			fmt.Fprintln(os.Stderr, "no certificate:", err)
			os.Exit(2)
		}
		inner = inner.WithTransportOptions(func(transport *http.Transport) {
			transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		})
	}
	wire.inner = inner
	options := kinesis.Options{
		BaseEndpoint: aws.String(os.Args[1]),
		Region:       os.Args[2],
		Credentials:  credentials.NewStaticCredentialsProvider("000000000000", "secret", ""),
		HTTPClient:   wire,
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t := &tour{
		ctx:    ctx,
		client: kinesis.New(options),
		once:   kinesis.New(options, func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} }),
	}
	t.streams()
	t.records()
	t.reshards()
	t.fanOut()
	t.refusals()
	t.check(len(wire.counts) == 1 && wire.counts[expected] > 0, "requests go by %s: %v", expected, wire.counts)
	fmt.Printf("  %d checks in %d requests over %s\n", t.checkCount, wire.counts[expected], expected)
}

// notingClient counts answers by protocol.
type notingClient struct {
	inner  aws.HTTPClient
	mutex  sync.Mutex
	counts map[string]int
}

func (c *notingClient) Do(request *http.Request) (*http.Response, error) {
	response, err := c.inner.Do(request)
	if err == nil {
		c.mutex.Lock()
		c.counts[response.Proto]++
		c.mutex.Unlock()
	}
	return response, err
}

func (t *tour) check(isSo bool, format string, values ...any) {
	if !isSo {
		fmt.Fprintf(os.Stderr, "not so: "+format+"\n", values...)
		os.Exit(1)
	}
	t.checkCount++
}

// must is for calls that have to succeed.
func must[Output any](t *tour) func(output Output, err error) Output {
	return func(output Output, err error) Output {
		t.check(err == nil, "%T: %v", output, err)
		return output
	}
}

func (t *tour) create(name string, shardCount int32) {
	must[*kinesis.CreateStreamOutput](t)(t.client.CreateStream(t.ctx, &kinesis.CreateStreamInput{
		StreamName: &name, ShardCount: &shardCount,
	}))
	t.untilActive(name)
}

func (t *tour) untilActive(name string) {
	waiter := kinesis.NewStreamExistsWaiter(t.client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	})
	err := waiter.Wait(t.ctx, &kinesis.DescribeStreamInput{StreamName: &name}, patience)
	t.check(err == nil, "%s becomes active: %v", name, err)
}

func (t *tour) shardsOf(name string) []types.Shard {
	return must[*kinesis.ListShardsOutput](t)(t.client.ListShards(t.ctx, &kinesis.ListShardsInput{
		StreamName: &name,
	})).Shards
}

func (t *tour) iterator(name, shardID string, kind types.ShardIteratorType, fill func(*kinesis.GetShardIteratorInput)) *string {
	input := &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: &shardID, ShardIteratorType: kind}
	if fill != nil {
		fill(input)
	}
	return must[*kinesis.GetShardIteratorOutput](t)(t.client.GetShardIterator(t.ctx, input)).ShardIterator
}

// readFrom reads until nothing is left, or the shard ends; the last page is returned too.
func (t *tour) readFrom(iterator *string) ([]types.Record, *kinesis.GetRecordsOutput) {
	var records []types.Record
	for {
		page := must[*kinesis.GetRecordsOutput](t)(t.client.GetRecords(t.ctx, &kinesis.GetRecordsInput{
			ShardIterator: iterator, Limit: aws.Int32(300),
		}))
		records = append(records, page.Records...)
		if page.NextShardIterator == nil || *page.MillisBehindLatest == 0 {
			return records, page
		}
		iterator = page.NextShardIterator
	}
}

func (t *tour) checkSame(what string, records []types.Record, expected []types.PutRecordsRequestEntry) {
	t.check(len(records) == len(expected), "%s: %d of %d records", what, len(records), len(expected))
	last := ""
	for at, record := range records {
		t.check(*record.PartitionKey == *expected[at].PartitionKey, "%s: key of record %d", what, at)
		t.check(bytes.Equal(record.Data, expected[at].Data), "%s: data of record %d", what, at)
		age := time.Since(*record.ApproximateArrivalTimestamp).Abs()
		t.check(age < 10*time.Minute, "%s: record %d arrived just now, not %s ago", what, at, age)
		// All have as many digits.
		t.check(*record.SequenceNumber > last, "%s: sequence numbers rise at %d", what, at)
		last = *record.SequenceNumber
	}
}

// fails checks the type of an error, its message, and what stands behind it.
func fails[Exception error](t *tour, err error, message string) {
	var exception Exception
	t.check(errors.As(err, &exception), "%T is the type of %v", exception, err)
	var response *awshttp.ResponseError
	t.check(errors.As(err, &response), "an answer stands behind %v", err)
	t.check(response.HTTPStatusCode() == http.StatusBadRequest, "status %d", response.HTTPStatusCode())
	t.check(response.ServiceRequestID() != "", "the request has an id")
	t.check(bytes.Contains([]byte(exception.Error()), []byte(message)), "%q says %q", exception.Error(), message)
}
