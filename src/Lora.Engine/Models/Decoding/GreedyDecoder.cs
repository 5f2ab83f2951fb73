namespace Lora.Models;

/// <summary>Continues token ids with the likeliest next one, again and again.</summary>
internal static class GreedyDecoder
{
    /// <summary>The ids that follow, without the ending one.</summary>
    /// <param name="model">The model, adapted or not.</param>
    /// <param name="prompt">At least one id.</param>
    /// <param name="count">Ids at the most.</param>
    /// <param name="endings">The ids that end a text.</param>
    /// <param name="onToken">Told how many ids there are, before each; null for nobody.</param>
    /// <param name="cancellation">Checked before each id.</param>
    /// <param name="begin">Makes what goes on the text; null for the modules.</param>
    /// <exception cref="LoraException">ConfigValueInvalid: the prompt has more ids than the model has learned positions for; a continuation ends where they do.</exception>
    public static int[] Continue(
        CausalLanguageModel model,
        IReadOnlyList<int> prompt,
        int count,
        IReadOnlyCollection<int> endings,
        Action<int>? onToken,
        CancellationToken cancellation,
        Func<CausalLanguageModel, IDecoder>? begin = null)
    {
        PositionShape? positions = model.Shape.Embedding.Positions;
        positions?.Check(prompt.Count);
        using IDecoder decoder = begin?.Invoke(model) ?? new ModuleDecoder(model);
        List<int> said = [];
        while (said.Count < count && !(prompt.Count + said.Count > positions?.Count))
        {
            cancellation.ThrowIfCancellationRequested();
            onToken?.Invoke(said.Count);
            if (said.Count == 0)
            {
                decoder.Read(prompt);
            }
            else
            {
                decoder.Step([said[^1]]);
            }

            int next = Likeliest.Of(decoder.Logits(0));
            if (endings.Contains(next))
            {
                break;
            }

            said.Add(next);
        }

        return [.. said];
    }
}

/// <summary>The token that scores highest.</summary>
internal static class Likeliest
{
    /// <summary>The first of the highest.</summary>
    public static int Of(ReadOnlySpan<float> scores)
    {
        int best = 0;
        for (int id = 1; id < scores.Length; id++)
        {
            best = scores[id] > scores[best] ? id : best;
        }

        return best;
    }
}
