#!/usr/bin/env bash
# Creates a stream, puts, reads, splits and deletes with the AWS CLI, as it comes: only the endpoint differs from AWS.
set -euo pipefail
export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}
export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=""

aws kinesis create-stream --stream-name payments --shard-count 1
aws kinesis wait stream-exists --stream-name payments
for amount in 10 20 30; do
  aws kinesis put-record --stream-name payments --partition-key "account-$amount" \
    --data fileb://<(printf 'paid %s €' "$amount") --query ShardId --output text
done

iterator=$(aws kinesis get-shard-iterator --stream-name payments --shard-id shardId-000000000000 \
  --shard-iterator-type TRIM_HORIZON --query ShardIterator --output text)
aws kinesis get-records --shard-iterator "$iterator" --query 'Records[].Data' --output text |
  tr '\t' '\n' | while read -r data; do echo "got: $(printf '%s' "$data" | base64 --decode)"; done

aws kinesis split-shard --stream-name payments --shard-to-split shardId-000000000000 \
  --new-starting-hash-key 170141183460469231731687303715884105728
aws kinesis wait stream-exists --stream-name payments
aws kinesis list-shards --stream-name payments --output text \
  --query 'Shards[].[ShardId, ParentShardId, SequenceNumberRange.EndingSequenceNumber != null]'

aws kinesis delete-stream --stream-name payments
aws kinesis wait stream-not-exists --stream-name payments
echo deleted
