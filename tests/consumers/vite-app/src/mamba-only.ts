import { showAnswer } from './answer';
import { mamba } from './models';

const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 11, hidden_size: 16, num_hidden_layers: 1, state_size: 4 });
const params = mamba.init(config, 1);
await showAnswer(() => mamba.forward(params, config, [[1, 2, 3]]));
