// The shape of a simulated network: its links, and the shortest way from each router to each node.
// Called by sim.ts before it runs; calls nothing.

import type { Host } from './host.ts';
import type { Line } from './line.ts';
import { Router } from './router.ts';

/** Two nodes and the two directions between them: `forward` leads from `a` to `b`. */
export interface Link {
  readonly a: Host | Router;
  readonly b: Host | Router;
  readonly forward: Line;
  readonly back: Line;
}

/** Gives every router its port to each of `nodes` nodes (numbers from 1): fewest links, of several the link made first. */
export function findRoutes(nodes: number, routers: readonly Router[], links: readonly Link[]): void {
  const ways: { to: Host | Router; port: number }[][] = Array.from({ length: nodes + 1 }, () => []);
  for (const { a, b, forward, back } of links) {
    ways[a.number]!.push({ to: b, port: a instanceof Router ? a.lines.indexOf(forward) : 0 });
    ways[b.number]!.push({ to: a, port: b instanceof Router ? b.lines.indexOf(back) : 0 });
  }
  for (const router of routers) {
    const toNode = new Int32Array(nodes + 1).fill(-1);
    const seen = new Set<Host | Router>([router]);
    let ring: { node: Host | Router; port: number }[] = [];
    for (const { to, port } of ways[router.number]!) {
      if (seen.has(to)) continue;
      seen.add(to);
      ring.push({ node: to, port });
    }
    while (ring.length > 0) {
      const next: typeof ring = [];
      for (const { node, port } of ring) {
        toNode[node.number] = port;
        // Hosts do not forward.
        if (!(node instanceof Router)) continue;
        for (const { to } of ways[node.number]!) {
          if (seen.has(to)) continue;
          seen.add(to);
          next.push({ node: to, port });
        }
      }
      ring = next;
    }
    router.toNode = toNode;
  }
}
