/**
 * Which of several gateways a thing belongs to. Everyone who knows the same gateways comes to the same one, and when one comes or
 * goes only the things change hands that were its, or become its (rendezvous hashing, Thaler and Ravishankar 1998).
 */
export function ownerAmong(sessions: Iterable<string>, key: string): string | undefined {
  let owner: string | undefined;
  let highest = -1;
  for (const session of sessions) {
    const weight = hash32(`${session}/${key}`);
    if (weight > highest || (weight === highest && session > owner!)) {
      highest = weight;
      owner = session;
    }
  }
  return owner;
}

/** The key of a log group. */
export function groupKey(group: number): string {
  return `group ${group}`;
}

/** FNV-1a with the finish of MurmurHash3, without which the last characters would hardly count. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
