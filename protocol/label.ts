import { z } from 'zod';

/** A word that jobs choose nodes by; a region is one too. */
export const nodeLabel = z.string().regex(/^[a-z0-9][a-z0-9._=-]{0,62}$/i);
export const nodeLabels = z.array(nodeLabel).max(16);
