namespace Lora.Tools.ExampleModel;

/// <summary>The words that the tales and the animal notes are made of.</summary>
internal static class Words
{
    public static readonly string[] Names =
        ["Mina", "Otto", "Lila", "Bruno", "Pia", "Finn", "Nora", "Emil", "Ruby", "Tom", "Wanda", "Jasper", "Ida", "Leo", "Greta", "Hugo"];

    public static readonly string[] Traits = ["small", "brave", "quiet", "curious", "kind", "sleepy", "clever", "shy", "cheerful", "old"];

    public static readonly string[] Times = ["One morning", "One evening", "One rainy day", "On a warm afternoon", "One winter day", "Early in spring"];

    public static readonly string[] Things =
        ["red kite", "silver bell", "wooden boat", "blue lantern", "tiny key", "paper star", "golden button", "round stone", "green umbrella", "straw hat"];

    public static readonly string[] Foods = ["bread", "soup", "apple cake", "berry jam", "pancakes", "honey tea", "plum pie"];

    public static readonly string[] Spots =
        ["under the old bridge", "behind the mill", "on the hill", "by the well", "in the tall grass", "near the stone wall", "at the edge of the wood", "beside the pond"];

    public static readonly Animal[] Animals =
    [
        new("fox", "wood", "den", "berries and mice", "run without a sound"),
        new("bear", "mountains", "cave", "fish and honey", "climb tall trees"),
        new("hare", "meadow", "hollow", "clover and grass", "jump over a fence"),
        new("owl", "barn", "nest", "mice and moths", "see in the dark"),
        new("frog", "pond", "reeds", "flies and worms", "leap into the water"),
        new("mouse", "kitchen", "hole", "crumbs and cheese", "hide in a shoe"),
        new("duck", "lake", "reeds", "weeds and snails", "dive for a long time"),
        new("goat", "hills", "shed", "leaves and hay", "walk on steep rocks"),
        new("cat", "village", "basket", "fish and milk", "land on its feet"),
        new("hedgehog", "garden", "pile of leaves", "beetles and worms", "roll into a ball"),
        new("squirrel", "park", "hollow tree", "nuts and seeds", "jump from branch to branch"),
        new("beaver", "river", "lodge", "bark and twigs", "build a strong dam"),
    ];
}

/// <summary>An animal and what is told of it.</summary>
/// <param name="Kind">Its name.</param>
/// <param name="Land">Where it lives.</param>
/// <param name="Home">Where it sleeps.</param>
/// <param name="Food">What it eats.</param>
/// <param name="Skill">What it can do.</param>
internal sealed record Animal(string Kind, string Land, string Home, string Food, string Skill);
