import { beforeEach, describe, expect, it } from 'vitest';
import type { KeptBanner } from '../../../protocol/index.ts';
import { BannerChanges } from './banner-changes.ts';

const kept = (revision: number): KeptBanner => ({ revision, state: { v: 1, layers: [] } });

describe('changes of the banner', () => {
  let sent: number[];
  let told: [revision: number, edit: number][];
  let changes: BannerChanges;
  const change = (...edits: number[]) => {
    for (const edit of edits) changes.change({ edit, state: { v: 1, layers: [] } });
  };
  beforeEach(() => {
    sent = [];
    told = [];
    changes = new BannerChanges({
      send: ({ edit }) => sent.push(edit),
      tell: ({ revision }, edit) => told.push([revision, edit]),
    });
    changes.connected(null);
  });

  it('go one at a time, of those that wait the newest', () => {
    change(1, 2, 3, 4);
    expect(sent).toEqual([1]);
    changes.heard(kept(1), 1);
    expect(sent).toEqual([1, 4]);
    changes.heard(kept(2), 4);
    expect([sent, told]).toEqual([[1, 4], [[2, 4]]]);
  });

  it('are not undone by what the server kept before them, and are by what somebody sets after them', () => {
    change(1);
    changes.heard(kept(7), 0);
    change(2);
    changes.heard(kept(8), 1);
    expect(told).toEqual([]);
    changes.heard(kept(9), 2);
    changes.heard(kept(10), 0);
    expect(told).toEqual([
      [9, 2],
      [10, 2],
    ]);
  });

  it('give way to what is kept where they are refused, and the next one goes', () => {
    change(1, 2);
    changes.heard(kept(7), 0);
    changes.refused();
    expect([sent, told]).toEqual([[1, 2], []]);
    changes.refused();
    expect(told).toEqual([[7, 2]]);
    changes.refused();
    expect(told).toHaveLength(1);
  });

  it('made while the server is away, or not known to be kept, are sent when it is back: the newest', () => {
    change(1);
    changes.disconnected();
    changes.connected(kept(5));
    expect(sent).toEqual([1, 1]);
    change(2);
    changes.disconnected();
    change(3);
    expect([sent, changes.pending]).toEqual([[1, 1], true]);
    changes.connected(kept(6));
    changes.heard(kept(7), 3);
    expect([sent, told, changes.pending]).toEqual([[1, 1, 3], [[7, 3]], false]);
  });

  it('are all said at the end, and answered by servers that do not number them', () => {
    change(1);
    changes.heard(kept(1));
    change(2, 3);
    changes.flush();
    expect([sent, told]).toEqual([[1, 2, 3], [[1, 1]]]);
  });
});
