import { OpenFeature, useBooleanFlagDetails } from '@openfeature/react-sdk';
import { useEffect, useState } from 'react';

const USERS = ['ada', 'bob', 'cleo'] as const;

/** One page with two ways to pay: which one is shown follows the flag while the page is open. */
export function CheckoutPage({ flag }: { readonly flag: string }) {
  const { value: isCandidate, variant, reason, flagMetadata } = useBooleanFlagDetails(flag, false);
  const [user, setUser] = useState<string>(USERS[0]);
  useEffect(() => {
    void OpenFeature.setContext({ targetingKey: user });
  }, [user]);
  return (
    <main className={isCandidate ? 'candidate' : 'legacy'}>
      <h1>Checkout</h1>
      <p role="status">{isCandidate ? 'Pay in one step' : 'Step 1 of 4: your address'}</p>
      <label>
        You are{' '}
        <select value={user} onChange={(event) => setUser(event.target.value)}>
          {USERS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <dl>
        <dt>Arm</dt>
        <dd>{variant ?? 'not known yet'}</dd>
        <dt>Because</dt>
        <dd>{reason ?? 'not known yet'}</dd>
        <dt>Version of the flags</dt>
        <dd>{String(flagMetadata['version'] ?? '–')}</dd>
      </dl>
    </main>
  );
}
