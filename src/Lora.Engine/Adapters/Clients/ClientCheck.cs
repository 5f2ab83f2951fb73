using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>Asks the table of <see cref="ClientRules"/> whether clients load an adapter rightly.</summary>
public static class ClientCheck
{
    /// <summary>What each client makes of an adapter.</summary>
    /// <param name="adapter">The adapter, as it is, or would be, written.</param>
    /// <param name="clients">The clients to ask about.</param>
    /// <param name="model">The base model's folder; null when it is not at hand, and what depends on it is not told then.</param>
    /// <exception cref="LoraException">The model's files cannot be read.</exception>
    public static IEnumerable<LoraClientReport> Of(LoraAdapter adapter, IEnumerable<LoraClient> clients, string? model = null)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        AdapterTraits traits = new(adapter, model is null ? null : ModuleTree.Read(model));
        return [.. clients.Select(client => Report(adapter, client, traits))];
    }

    private static LoraClientReport Report(LoraAdapter adapter, LoraClient client, AdapterTraits traits)
    {
        (ClientRules.Rule Rule, string Field)[] failed =
            [.. from rule in ClientRules.All where rule.Client == client let field = rule.Field(traits) where field is not null select (rule, field)];
        return new()
        {
            Adapter = adapter.Label,
            Client = client,
            // In the enum's order: what a client refuses it cannot compute wrongly any more.
            Outcome = failed.Select(entry => entry.Rule.Outcome).DefaultIfEmpty(LoraClientOutcome.Right).Max(),
            Field = [.. failed.Select(entry => entry.Field)],
            Reason = [.. failed.Select(entry => entry.Rule.Reason)],
            // What the strongest obstacle needs helps against the weaker ones too: a merged model has no adapter left to misread.
            Remedy = failed.Select(entry => entry.Rule.Remedy).OrderBy(remedy => remedy.StartsWith("Export", StringComparison.Ordinal)).FirstOrDefault(),
        };
    }
}
