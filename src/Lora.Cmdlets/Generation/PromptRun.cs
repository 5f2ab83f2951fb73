using System.Globalization;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Answers prompts, by the base or by each adapter, and gives what comes of it. A prompt that cannot be answered is reported, and the next ones follow.</summary>
/// <param name="generator">The model.</param>
/// <param name="prompts">The prompts.</param>
/// <param name="options">How they are answered.</param>
/// <param name="compares">Whether the base answers beside adapters.</param>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
/// <param name="cancellation">Checked before each token.</param>
internal sealed class PromptRun(
    LoraGenerator generator, IReadOnlyList<LoraPrompt> prompts, GenerationOptions options, bool compares, PipelineWorker worker, CancellationToken cancellation)
{
    // What is about one prompt; all else would be about the next one too.
    private static readonly LoraError[] OfPrompts = [LoraError.ConfigValueInvalid, LoraError.TokenOutOfRange, LoraError.ChatTemplateFailed, LoraError.ChatMessageInvalid, LoraError.PatternTimeout];

    private readonly string?[] speakers = generator.Adapters.Count == 0 ? [null] : compares ? [null, .. generator.Adapters] : [.. generator.Adapters];
    private long said;

    /// <summary>Gives a result for each prompt and speaker; those of one prompt follow each other.</summary>
    public void Give()
    {
        int done = 0;
        foreach (LoraPrompt[] batch in prompts.Chunk(options.BatchSize))
        {
            Report(done);
            IReadOnlyList<LoraGeneration>[] answers = Answer(batch, done);
            for (int prompt = 0; prompt < answers[0].Count; prompt++)
            {
                foreach (IReadOnlyList<LoraGeneration> of in answers)
                {
                    worker.WriteNext(Marked(of[prompt]));
                }
            }

            done += batch.Length;
            Report(done);
        }
    }

    /// <summary>Gives each token as it is said, one prompt after another.</summary>
    /// <param name="running">Shows them as running text; null where they go on.</param>
    public void Stream(RunningText? running)
    {
        for (int prompt = 0; prompt < prompts.Count; prompt++)
        {
            foreach (string? speaker in speakers)
            {
                running?.Begin(speakers.Length > 1 || prompts.Count > 1 ? Heading(prompts[prompt], speaker) : null);
                int number = prompt;
                Reported(() => generator.Generate([prompts[number]], options, speaker, token => worker.WriteNext(Shown(token with { Prompt = number }, running)), cancellation));
            }
        }
    }

    private static object Shown(LoraGenerationToken token, RunningText? running) => running is null ? token : running.Mark(token);

    private static string Heading(LoraPrompt prompt, string? speaker) => $"{(speaker is null ? "base" : speaker)}> {RowText.Plain(prompt.ToString())}";

    /// <summary>What each speaker answers. Where one of several prompts is refused, each is asked by itself, so that the others are answered.</summary>
    private IReadOnlyList<LoraGeneration>[] Answer(LoraPrompt[] batch, int done)
    {
        try
        {
            return [.. speakers.Select(speaker => Generate(batch, speaker, done))];
        }
        catch (LoraException exception) when (batch.Length > 1 && OfPrompts.Contains(exception.Error))
        {
            IReadOnlyList<LoraGeneration>[][] each = [.. batch.Select(prompt => Answer([prompt], done))];
            return [.. speakers.Select((_, speaker) => each.SelectMany(answers => answers[speaker]).ToArray())];
        }
        catch (LoraException exception) when (OfPrompts.Contains(exception.Error))
        {
            worker.Write(new PipelineRecord.Failure(exception));
            return [.. speakers.Select(_ => Array.Empty<LoraGeneration>())];
        }
    }

    private IReadOnlyList<LoraGeneration> Generate(LoraPrompt[] batch, string? speaker, int done) => generator.Generate(batch, options, speaker, _ => Say(done), cancellation);

    private void Reported(Func<object> generate)
    {
        try
        {
            generate();
        }
        catch (LoraException exception) when (OfPrompts.Contains(exception.Error))
        {
            worker.Write(new PipelineRecord.Failure(exception));
        }
    }

    private void Say(int done)
    {
        said++;
        Report(done);
    }

    private void Report(int done) => worker.Report(new("Generating", done, prompts.Count, WorkUnit.Prompt, string.Create(CultureInfo.InvariantCulture, $"{said:N0} tokens")));

    /// <summary>Several answers to one prompt are shown side by side: Lora.Format.ps1xml has a view for them.</summary>
    private object Marked(LoraGeneration answer)
    {
        if (speakers.Length == 1)
        {
            return answer;
        }

        PSObject marked = new(answer);
        marked.TypeNames.Insert(0, $"{typeof(LoraGeneration).FullName}#Compared");
        return marked;
    }
}
