using Lora.Data;
using Lora.Models;
using Lora.Text;

namespace Lora.Training;

/// <summary>Lets a model go on a prompt, which is given to it as the prompt of a row is in training.</summary>
internal static class PromptContinuation
{
    /// <summary>The continuation, with the space that it begins with. The likeliest token each time, so that models differ by what they learned and not by chance.</summary>
    /// <param name="model">The model, adapted or not.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="prompt">The text.</param>
    /// <param name="tokens">Tokens of the continuation at the most.</param>
    /// <param name="onToken">Told how many tokens there are, after each; or null.</param>
    /// <param name="cancellation">Checked at each word and token.</param>
    /// <param name="chat">Writes the prompt as a user's message, and ends the answer with its turn; null for a prompt that is a text.</param>
    /// <param name="begin">Makes what goes on the text of a decoder; null for its modules.</param>
    /// <exception cref="LoraException"><see cref="LoraError.TokenOutOfRange"/>, or <see cref="LoraError.ConfigValueInvalid"/> for a prompt without a token, or what <see cref="ChatTemplate.Render"/> throws.</exception>
    public static string Of(
        TaskModel model,
        Tokenizer tokenizer,
        string prompt,
        int tokens,
        Action<int>? onToken,
        CancellationToken cancellation,
        Lazy<ChatEncoder>? chat = null,
        Func<CausalLanguageModel, IDecoder>? begin = null)
    {
        RowEncoder encoder = new(tokenizer, int.MaxValue, chat);
        int[] ids = model is SequenceToSequenceModel ? new TaskEncoder(tokenizer, int.MaxValue, new(TaskKind.Seq2SeqLM), labels: null).EncodePrompt(prompt, cancellation)
            : chat is null ? encoder.EncodePrompt(prompt, cancellation) : encoder.EncodeChatPrompt(prompt, cancellation);
        tokenizer.CheckRange(ids, model.VocabularySize);
        if (ids.Length == 0)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, prompt, "Prompt", $"'{prompt}'", "a text with at least one token");
        }

        if (model is SequenceToSequenceModel answering)
        {
            return tokenizer.Decode(answering.Answer(ids, tokens, onToken, cancellation));
        }

        if (model is not CausalLanguageModel speaking)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, prompt, "Prompt", "given for a model that classifies", "none: such a model says nothing");
        }

        int[] endings = [.. tokenizer.EndOfSequenceId is int end ? [end] : Array.Empty<int>(), .. chat?.Value.EndIds ?? []];
        return tokenizer.DecodeContinuation(ids, GreedyDecoder.Continue(speaking, ids, tokens, endings, onToken, cancellation, begin));
    }
}
