import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Scope } from '../../protocol/index.ts';
import type { TokenRow } from '../store/tenants.ts';

/**
 * Who may call a route: anybody, whoever logs in, the bearer of a token of this scope, a node, the holder of a lease, of
 * a signed address.
 */
export type Access = 'public' | 'login' | Scope | 'node' | 'lease' | 'signed';

/** The bearer of a token. */
export interface Caller extends TokenRow {
  /** Whether its tenant runs this server. */
  operator: boolean;
}

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options';

/** What a handler is given: all of it read by its schema. */
export interface Call<Query, Body> {
  params: Record<string, string>;
  query: Query;
  body: Body;
  /** Of routes that want a token; no other handler may look at it. */
  caller: Caller;
  /** The bearer's word where `access` is `lease` or `node`. */
  bearer: string;
  request: Request;
  response: Response;
  /** Writes down an act of administration. */
  audit(action: string, subject: string, data?: object): Promise<void>;
}

/** A handler that answers with JSON returns it; one that has answered by itself returns nothing. */
export interface Route<Query = unknown, Body = unknown> {
  method: Method;
  /** As Express writes it: `/v1/jobs/:job`. */
  path: string;
  /** Name of the operation in the OpenAPI document. */
  name: string;
  summary: string;
  access: Access;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  /** Media type of the body where it is no JSON: its schema reads the text then. */
  bodyType?: string;
  /** Bytes of the body, at most. */
  mostBody?: number;
  /** What comes back when all is well. */
  answer: { status: number; schema?: z.ZodType; type?: string };
  handle(call: Call<Query, Body>): Promise<unknown>;
}

/** Keeps the types of one route's parts together; a table holds them without. */
export const route = <Query = undefined, Body = undefined>(definition: Route<Query, Body>): Route =>
  definition as unknown as Route;
