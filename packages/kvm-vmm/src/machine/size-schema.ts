/** What a schema says of a size. `sizeInBytes` reads it. */
export const size = {
  type: ['integer', 'string'],
  pattern: '^(0[xX][0-9a-fA-F]+|[0-9]+)([KMGTkmgt]([iI]?[bB])?)?$',
  'x-wanted': "bytes, or a number with a unit as in '512M'",
} as const;
