using Lora.Data;
using Lora.Text;

namespace Lora.Generation;

/// <summary>Makes tokens of prompts, as a row's prompt has them in training.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="chat">What writes conversations; it throws where the model has no chat template.</param>
/// <param name="vocabularySize">Rows of the model's table of tokens.</param>
/// <param name="longest">Tokens that the model can be given; null for any number.</param>
/// <param name="endings">The tokens that end a text.</param>
internal sealed class PromptEncoder(Tokenizer tokenizer, Lazy<ChatEncoder> chat, int vocabularySize, int? longest, IReadOnlyList<int> endings)
{
    private readonly RowEncoder rows = new(tokenizer, int.MaxValue, chat);

    /// <summary>The tokens of a prompt.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="number">Which of the prompts it is.</param>
    /// <param name="cancellation">Checked for each word.</param>
    /// <exception cref="LoraException">ConfigValueInvalid, TokenOutOfRange, ChatTemplateMissing, or what <see cref="ChatTemplate.Render"/> throws.</exception>
    public EncodedPrompt Encode(LoraPrompt prompt, int number, CancellationToken cancellation)
    {
        int[] ids = prompt.Text is string text ? rows.EncodePrompt(text, cancellation) : rows.EncodeChatPrompt(prompt.Messages!, prompt.Tools, cancellation);
        tokenizer.CheckRange(ids, vocabularySize);
        if (ids.Length == 0)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, prompt.ToString(), "Prompt", $"'{prompt}'", "a text with at least one token");
        }

        if (ids.Length > longest)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, prompt.ToString(), $"The length of {Named(prompt)}", $"{ids.Length} tokens", $"at most {longest}, as many as the model was made for");
        }

        // A text ends by itself; an answer ends with its turn too.
        return new(number, prompt, ids, new HashSet<int>(prompt.Text is null ? [.. endings, .. chat.Value.EndIds] : endings));
    }

    private static string Named(LoraPrompt prompt) => $"the {(prompt.Text is null ? "conversation that ends with" : "prompt")} '{RowReading.Shown(prompt.ToString())}'";
}
