/** Priority classes, most urgent first. Inside one class jobs run in the order of their submission. */
export const PRIORITIES = ['interactive', 'standard', 'bulk'] as const;
export type Priority = (typeof PRIORITIES)[number];
