namespace Lora.Text;

/// <summary>A model file of SentencePiece (google/sentencepiece, sentencepiece_model.proto), as far as a tokenizer needs it.</summary>
internal sealed class SentencePieceModel
{
    private readonly List<Piece> pieces = [];

    private SentencePieceModel(string file)
    {
        File = file;
        ProtobufReader message = new(TokenizerFile.ReadBytes(file), file);
        while (message.MoveNext())
        {
            switch (message.Field)
            {
                case 1: // pieces
                    pieces.Add(ReadPiece(message.Bytes()));
                    break;
                case 2: // trainer_spec
                    ReadTrainer(message.Bytes());
                    break;
                case 3: // normalizer_spec
                    ReadNormalizer(message.Bytes());
                    break;
                default:
                    message.Skip();
                    break;
            }
        }

        if (UnknownId >= pieces.Count)
        {
            throw Invalid($"its unknown token has the id {UnknownId}, and it has {pieces.Count} tokens");
        }
    }

    /// <summary>What a token is.</summary>
    public enum PieceKind
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    public string File { get; }

    /// <summary>The tokens in the order of their ids.</summary>
    public IReadOnlyList<Piece> Pieces => pieces;

    /// <summary>Whether words are split by scores (Kudo 2018); else by merges.</summary>
    public bool IsUnigram { get; private set; } = true;

    /// <summary>Whether characters without a token are written as bytes.</summary>
    public bool HasBytes { get; private set; }

    public int UnknownId { get; private set; }

    public string UnknownToken { get; private set; } = "<unk>";

    /// <summary>What characters become before anything else; empty where they stay.</summary>
    public byte[] CharacterMap { get; private set; } = [];

    /// <exception cref="LoraException"><see cref="LoraError.TokenizerInvalid"/>, <see cref="LoraError.TokenizerUnsupported"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static SentencePieceModel Read(string file) => new(file);

    private Piece ReadPiece(ReadOnlySpan<byte> bytes)
    {
        Piece piece = new("", 0, PieceKind.Normal);
        ProtobufReader message = new(bytes, File);
        while (message.MoveNext())
        {
            switch (message.Field)
            {
                case 1: // piece
                    piece = piece with { Text = message.Text() };
                    break;
                case 2: // score
                    piece = piece with { Score = message.Float() };
                    break;
                case 3: // type
                    piece = piece with { Kind = (PieceKind)message.Integer() };
                    break;
                default:
                    message.Skip();
                    break;
            }
        }

        return piece.Text.Length > 0 && float.IsFinite(piece.Score) && Enum.IsDefined(piece.Kind) ? piece : throw Invalid($"the token {pieces.Count} is not one: {piece}");
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes)
    {
        // What the file leaves out has the message's default: a unigram model, the unknown token 0, written <unk>.
        const int Unigram = 1;
        const int Pairs = 2;
        ProtobufReader message = new(bytes, File);
        while (message.MoveNext())
        {
            switch (message.Field)
            {
                case 3: // model_type
                    long type = message.Integer();
                    IsUnigram = type is Unigram or Pairs ? type == Unigram : throw Unsupported("the model type", type switch { 3 => "word", 4 => "char", _ => $"{type}" });
                    break;
                case 24 when message.Integer() != 0:
                    throw Unsupported("the option", "treat_whitespace_as_suffix");
                case 24: // its value has been read by the case before
                    break;
                case 35: // byte_fallback
                    HasBytes = message.Integer() != 0;
                    break;
                case 40: // unk_id
                    UnknownId = message.Integer() is >= 0 and < int.MaxValue and long id ? (int)id : throw Invalid("its unknown token has no id");
                    break;
                case 45: // unk_piece
                    UnknownToken = message.Text();
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        ProtobufReader message = new(bytes, File);
        while (message.MoveNext())
        {
            if (message.Field == 2) // precompiled_charsmap
            {
                CharacterMap = message.Bytes().ToArray();
            }
            else
            {
                message.Skip();
            }
        }
    }

    private LoraException Invalid(string reason) => LoraException.Of(LoraError.TokenizerInvalid, File, File, reason);

    private LoraException Unsupported(string kind, string name) => LoraException.Of(LoraError.TokenizerUnsupported, File, File, kind, name);

    /// <summary>A token.</summary>
    /// <param name="Text">Its characters; U+2581 for spaces.</param>
    /// <param name="Score">Its log-probability; of merges, higher goes first.</param>
    /// <param name="Kind">What it is.</param>
    internal readonly record struct Piece(string Text, float Score, PieceKind Kind);
}
