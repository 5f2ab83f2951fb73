using System.Diagnostics;
using Lora.Text;

namespace Lora.Generation;

/// <summary>A prompt as tokens.</summary>
/// <param name="Number">Which of the prompts it is, counted from 0.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="Ids">Its tokens; at least one.</param>
/// <param name="Endings">The tokens that end what follows.</param>
internal sealed record EncodedPrompt(int Number, LoraPrompt Prompt, int[] Ids, IReadOnlySet<int> Endings);

/// <summary>How a prompt was read.</summary>
/// <param name="Time">How long that took.</param>
/// <param name="Known">How many of its tokens were known from a text before.</param>
internal readonly record struct PromptReadingTime(TimeSpan Time, int Known);

/// <summary>A prompt that is gone on: what was said yet, and why it ended.</summary>
internal sealed class GeneratedRow
{
    private readonly EncodedPrompt prompt;
    private readonly GenerationOptions options;
    private readonly int longest;
    private readonly PromptReadingTime reading;
    private readonly Sampler sampler;
    private readonly GeneratedText text;
    private readonly List<int> ids = [];
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private GenerationStop? stop;

    /// <param name="prompt">The prompt.</param>
    /// <param name="tokenizer">What makes text of tokens.</param>
    /// <param name="options">How it goes on.</param>
    /// <param name="longest">Tokens that the model can be given.</param>
    /// <param name="reading">How the prompt was read.</param>
    public GeneratedRow(EncodedPrompt prompt, Tokenizer tokenizer, GenerationOptions options, int longest, PromptReadingTime reading)
    {
        this.prompt = prompt;
        this.options = options;
        this.longest = longest;
        this.reading = reading;
        sampler = new(options);
        sampler.Note(prompt.Ids);
        text = new(tokenizer, prompt.Ids, options.Stop, options.KeepSpecialToken);
    }

    /// <summary>Whether nothing more is to be said.</summary>
    public bool IsEnded => stop is not null;

    /// <summary>The token that was said last.</summary>
    public int Last => ids[^1];

    /// <summary>Says the next token.</summary>
    /// <param name="logits">What the model expects.</param>
    /// <exception cref="LoraException">LogitsNotFinite.</exception>
    public LoraGenerationToken Say(ReadOnlySpan<float> logits)
    {
        if (logits.ContainsAny(float.NaN, float.PositiveInfinity))
        {
            throw LoraException.Of(LoraError.LogitsNotFinite, prompt.Prompt.ToString(), prompt.Prompt, ids.Count);
        }

        int id = sampler.Choose(logits);
        if (prompt.Endings.Contains(id))
        {
            stop = GenerationStop.EndToken;
            watch.Stop();
            return new(prompt.Number, id, text.End());
        }

        ids.Add(id);
        sampler.Note([id]);
        string piece = text.Add(id);
        stop = text.IsStopped ? GenerationStop.StopText
            : ids.Count == options.MaxToken ? GenerationStop.MaxToken
            : prompt.Ids.Length + ids.Count > longest ? GenerationStop.ContextLength
            : null;
        if (IsEnded)
        {
            watch.Stop();
            piece += text.End();
            stop = text.IsStopped ? GenerationStop.StopText : stop;
        }

        return new(prompt.Number, id, piece);
    }

    /// <summary>What came of it.</summary>
    /// <param name="adapter">The adapter that was on.</param>
    public LoraGeneration Result(string? adapter)
    {
        // The first token is the prompt's: reading it gives what is expected first.
        int steps = stop == GenerationStop.EndToken ? ids.Count : ids.Count - 1;
        return new()
        {
            Prompt = prompt.Prompt.ToString(),
            Adapter = adapter,
            Text = text.Text,
            Id = new LoraList<int>([.. ids]),
            StopReason = stop!.Value,
            PromptToken = prompt.Ids.Length,
            TokenPerSecond = steps > 0 ? steps / watch.Elapsed.TotalSeconds : 0,
            KnownToken = reading.Known,
            PromptTokenPerSecond = (prompt.Ids.Length - reading.Known) / reading.Time.TotalSeconds,
        };
    }
}
