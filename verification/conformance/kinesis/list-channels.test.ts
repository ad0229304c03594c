import { describe, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, violates } = suite;

specify("ListChannels", () => {
  describe("validation", () => {
    test.each([
      {
        rule: "a page has at least one channel",
        MaxResults: 0,
        expected: [suite.tooSmall("maxResults", 0, 1)],
      },
      {
        rule: "a page has at most 10,000 channels",
        MaxResults: 10_001,
        expected: [suite.tooLarge("maxResults", 10_001, 10_000)],
      },
      { rule: "a token is not empty", NextToken: "", expected: [suite.tooShort("nextToken", "", 1)] },
      {
        rule: "a filter names a stream",
        StreamFilter: [{}],
        expected: [suite.mustNotBeNull("streamFilter.1.member.streamARN")],
      },
    ])("$rule", async ({ rule: _, expected, ...input }) => {
      await violates("ListChannels", newAccount().call("ListChannels", input), expected);
    });
  });

  suite.ownCase("a list is refused, since there are no channels", async () => {
    await suite.refused(
      "ListChannels",
      "InvalidArgumentException",
      newAccount().call("ListChannels", {}),
      /not supported/,
    );
  });

  suite.injectedErrors("ListChannels", () => Promise.resolve({}));
});
