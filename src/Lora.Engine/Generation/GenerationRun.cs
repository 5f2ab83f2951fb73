using System.Diagnostics;
using Lora.Models;
using Lora.Text;

namespace Lora.Generation;

/// <summary>Goes on prompts, as many at a time as a batch has.</summary>
/// <param name="begin">Begins a batch; the run disposes it.</param>
/// <param name="tokenizer">What makes text of tokens.</param>
/// <param name="options">How they go on.</param>
/// <param name="longest">Tokens that the model can be given.</param>
/// <param name="rows">Prompts of a batch.</param>
/// <param name="kept">Goes on all of them, one at a time, and is not disposed; null where each batch begins anew.</param>
internal sealed class GenerationRun(Func<IDecoder> begin, Tokenizer tokenizer, GenerationOptions options, int longest, int rows, KeptText? kept = null)
{
    /// <summary>The rows in the order of their prompts, all ended.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="onToken">Told of each token; null for nobody.</param>
    /// <param name="cancellation">Checked before each token.</param>
    public IReadOnlyList<GeneratedRow> Execute(IReadOnlyList<EncodedPrompt> prompts, Action<LoraGenerationToken>? onToken, CancellationToken cancellation) =>
        [.. prompts.Chunk(kept is null ? rows : 1).SelectMany(batch => Batch(batch, onToken, cancellation))];

    private GeneratedRow[] Batch(EncodedPrompt[] prompts, Action<LoraGenerationToken>? onToken, CancellationToken cancellation)
    {
        using IDecoder? own = kept is null ? begin() : null;
        IDecoder decoder = own ?? kept!;
        GeneratedRow[] all = [.. prompts.Select(prompt => Read(decoder, prompt, cancellation))];
        GeneratedRow[] open = all;
        while (open.Length > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int row = 0; row < open.Length; row++)
            {
                LoraGenerationToken said = open[row].Say(decoder.Logits(row));
                onToken?.Invoke(said);
            }

            int[] left = [.. Enumerable.Range(0, open.Length).Where(row => !open[row].IsEnded)];
            if (left.Length < open.Length)
            {
                decoder.Keep(left);
                open = [.. left.Select(row => open[row])];
            }

            if (open.Length > 0)
            {
                decoder.Step([.. open.Select(row => row.Last)]);
            }
        }

        return all;
    }

    private GeneratedRow Read(IDecoder decoder, EncodedPrompt prompt, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        long start = Stopwatch.GetTimestamp();
        decoder.Read(prompt.Ids);
        return new(prompt, tokenizer, options, longest, new(Stopwatch.GetElapsedTime(start), kept?.Known ?? 0));
    }
}
