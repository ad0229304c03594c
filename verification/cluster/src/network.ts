/**
 * A network on this machine that can be cut: a namespace for each node, all on one bridge. It takes the right to make namespaces
 * (on Linux, root), and `ip` of iproute2. What is cut is cut for both sides and without a word: packets are sent, and none arrives.
 */
import { execFileSync } from "node:child_process";

export interface Network {
  /** Of a node, as every other one and this process see it. */
  addressOf(node: string): string;
  /** How to run a program at a node. The process is that of the program. */
  commandAt(
    node: string,
    program: string,
    parameters: readonly string[],
  ): readonly [program: string, parameters: readonly string[]];
  /** Nothing goes from one to the other any more. */
  cut(one: string, other: string): void;
  /** Everything goes everywhere again. */
  heal(): void;
  /** Removes everything. */
  close(): void;
}

/** Why there can be no such network here; undefined when there can. */
export function networkRefusal(): string | undefined {
  const name = `millrace-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("netns", "exec", name, "true");
    ip("netns", "delete", name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

export function startNetwork(nodes: readonly string[]): Network {
  // Names of devices have at most fifteen letters.
  const id = process.pid.toString(36);
  const bridge = `mrb${id}`;
  const subnet = `10.213.${process.pid % 250}`;
  const spaceOf = (node: string): string => `mr-${id}-${node}`;
  const addressOf = (node: string): string => {
    const at = nodes.indexOf(node);
    if (at < 0) throw new Error(`there is no node ${node}`);
    return `${subnet}.${at + 1}`;
  };
  const cuts: (readonly [node: string, address: string])[] = [];
  const close = (): void => {
    for (const node of nodes) tolerantly("netns", "delete", spaceOf(node));
    tolerantly("link", "delete", bridge);
    process.off("exit", close);
  };
  process.once("exit", close);
  try {
    ip("link", "add", bridge, "type", "bridge");
    ip("address", "add", `${subnet}.254/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (const [at, node] of nodes.entries()) {
      const space = spaceOf(node);
      const outer = `mr${id}v${at}`;
      ip("netns", "add", space);
      ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space);
      ip("link", "set", outer, "master", bridge, "up");
      ip("-n", space, "address", "add", `${addressOf(node)}/24`, "dev", "eth0");
      ip("-n", space, "link", "set", "lo", "up");
      ip("-n", space, "link", "set", "eth0", "up");
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    addressOf,
    commandAt: (node, program, parameters) => [
      "ip",
      ["netns", "exec", spaceOf(node), program, ...parameters],
    ],
    cut(one, other) {
      for (const [node, address] of [
        [one, addressOf(other)],
        [other, addressOf(one)],
      ] as const) {
        ip("-n", spaceOf(node), "route", "add", "blackhole", `${address}/32`);
        cuts.push([node, address]);
      }
    },
    heal() {
      for (const [node, address] of cuts.splice(0))
        ip("-n", spaceOf(node), "route", "delete", "blackhole", `${address}/32`);
    },
    close,
  };
}

function ip(...parameters: readonly string[]): void {
  execFileSync("ip", parameters, { stdio: ["ignore", "ignore", "pipe"] });
}

/** What is not there need not be removed. */
function tolerantly(...parameters: readonly string[]): void {
  try {
    ip(...parameters);
  } catch {
    // It was never made, or is gone with something else.
  }
}
