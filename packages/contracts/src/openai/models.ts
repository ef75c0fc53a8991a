/** An entry of `GET /v1/models`. `created` is in Unix seconds. */
export interface OpenAIModel {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

export interface OpenAIModelList {
  readonly object: 'list';
  readonly data: readonly OpenAIModel[];
}
