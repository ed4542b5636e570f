import js from '@eslint/js';
import globals from 'globals';

export default [
  {ignores: ['.venv/', 'build/']},
  js.configs.recommended,
  {
    files: ['chronologer/static/**/*.js'],
    languageOptions: {ecmaVersion: 2022, sourceType: 'module', globals: globals.browser},
    rules: {
      'no-restricted-properties': [
        'error',
        {property: 'innerHTML', message: 'A text of a record becomes a text node.'},
        {property: 'outerHTML', message: 'A text of a record becomes a text node.'},
        {property: 'insertAdjacentHTML', message: 'A text of a record becomes a text node.'},
      ],
      'no-control-regex': 'off',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      eqeqeq: ['error', 'always', {null: 'ignore'}],
      'prefer-const': 'error',
    },
  },
];
