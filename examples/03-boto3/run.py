"""Puts and reads with boto3, as it comes: only the endpoint differs from AWS."""
import os

import boto3

kinesis = boto3.client(
    "kinesis",
    endpoint_url=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="any",
)
kinesis.create_stream(StreamName="orders", ShardCount=2)
kinesis.get_waiter("stream_exists").wait(StreamName="orders", WaiterConfig={"Delay": 1})

for number in range(1, 5):
    answer = kinesis.put_record(StreamName="orders", PartitionKey=f"customer-{number}", Data=f"order {number}")
    print("put", number, "to", answer["ShardId"])

for shard in kinesis.list_shards(StreamName="orders")["Shards"]:
    iterator = kinesis.get_shard_iterator(
        StreamName="orders", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator)
    for record in answer["Records"]:
        print("got", record["PartitionKey"], record["Data"].decode(), "from", shard["ShardId"])
    print(shard["ShardId"], "is read to", answer["MillisBehindLatest"], "ms behind the latest")

kinesis.delete_stream(StreamName="orders")
kinesis.get_waiter("stream_not_exists").wait(StreamName="orders", WaiterConfig={"Delay": 1})
print("deleted")
