import { OpenFeature, OpenFeatureProvider } from '@openfeature/react-sdk';
import { createRoot } from 'react-dom/client';
import { CheckoutPage } from './checkout-page.tsx';
import { flagProvider } from './flag-provider.ts';
import { pageConfig } from './page-config.ts';
import './page.css';

const root = document.querySelector('#root');
if (root === null) throw new Error('The page has no element #root');
const { theseus, flag } = await pageConfig();
await OpenFeature.setContext({ targetingKey: 'ada' });
// Not waited for: until flags are known, and should they never be, the page is the legacy one.
OpenFeature.setProvider(flagProvider(theseus));
createRoot(root).render(
  <OpenFeatureProvider suspend={false}>
    <CheckoutPage flag={flag} />
  </OpenFeatureProvider>,
);
