using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

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
    /// <exception cref="LoraException">ConfigValueInvalid: the prompt has more ids than the model has learned positions for; a continuation ends where they do.</exception>
    public static int[] Continue(CausalLanguageModel model, IReadOnlyList<int> prompt, int count, IReadOnlyCollection<int> endings, Action<int>? onToken, CancellationToken cancellation)
    {
        PositionShape? positions = model.Shape.Embedding.Positions;
        positions?.Check(prompt.Count);
        using IDisposable noGradient = no_grad();
        List<long> ids = [.. prompt.Select(id => (long)id)];
        while (ids.Count < prompt.Count + count && !(ids.Count > positions?.Count))
        {
            cancellation.ThrowIfCancellationRequested();
            onToken?.Invoke(ids.Count - prompt.Count);
            using DisposeScope scope = NewDisposeScope();

            // The whole text again for each token: no cache of keys and values, since a look at a few dozen tokens does not repay one.
            Tensor hidden = model.Hidden(DeviceIndex.Of([.. ids], [1, ids.Count], model.Device)); // [1, tokens, hidden]

            // Only the last place meets the head; the vocabulary is the widest product of all.
            long next = model.Head(hidden.narrow(1, ids.Count - 1, 1)).argmax(-1).ToInt64();
            if (endings.Contains((int)next))
            {
                break;
            }

            ids.Add(next);
        }

        return [.. ids.Skip(prompt.Count).Select(id => (int)id)];
    }
}
