"""A made-up town library's rules, Korean and English, with questions in other words, follow-ups and small talk.

Each entry: the passage, then questions that it answers. Written before the search was measured
on it. The weights were not tuned on the questions; the words of small talk were.
"""

KOREAN: list[tuple[str, list[str]]] = [
    (
        "대출 기간은 14일이며, 예약자가 없으면 한 번 7일 연장할 수 있습니다.",
        ["책을 며칠 동안 빌릴 수 있나요?", "대출을 연장하려면 어떻게 해요?"],
    ),
    ("한 사람이 한 번에 빌릴 수 있는 책은 5권입니다.", ["한 번에 몇 권까지 빌려요?", "최대 대출 권수가 궁금해요"]),
    ("연체료는 하루 한 권당 100원입니다.", ["연체하면 하루에 얼마 내야 하나요?", "연체료가 얼마예요?"]),
    (
        "열람실은 평일 오전 9시부터 오후 10시까지 엽니다.",
        ["평일 열람실은 몇 시에 닫아요?", "열람실 여는 시간 알려 주세요"],
    ),
    ("매주 월요일과 법정 공휴일은 휴관합니다.", ["무슨 요일에 쉬나요? 휴관일이요", "월요일에도 문 여나요?"]),
    (
        "회원증은 신분증을 가지고 1층 안내 데스크에서 만들 수 있습니다.",
        ["회원증은 어디서 만들어요?", "회원증 만들 때 신분증이 필요한가요?"],
    ),
    (
        "회원증을 잃어버리면 2,000원을 내고 다시 발급받습니다.",
        ["회원증을 잃어버렸는데 재발급 비용이 얼마죠?", "회원증 분실하면 다시 발급받을 수 있나요?"],
    ),
    (
        "스터디룸은 하루 전까지 홈페이지에서 예약해야 하며 최대 3시간 쓸 수 있습니다.",
        ["스터디룸 예약은 어떻게 하나요?", "스터디룸은 몇 시간까지 쓸 수 있어요?"],
    ),
    (
        "흑백 인쇄는 한 장에 50원, 컬러 인쇄는 200원입니다.",
        ["컬러 인쇄 가격이 궁금합니다", "흑백으로 뽑으면 한 장에 얼마예요?"],
    ),
    ("지하 주차장은 이용자에게 두 시간 무료입니다.", ["주차장은 무료인가요?", "지하에 차를 두 시간 세워도 돼요?"]),
    (
        "어린이 동화 구연은 토요일 오전 11시에 어린이실에서 열립니다.",
        ["동화 구연은 언제 해요?", "토요일에 어린이 프로그램이 있나요?"],
    ),
    (
        "반납함은 정문 옆에 있고 24시간 이용할 수 있습니다.",
        ["밤에도 책을 반납할 수 있나요? 반납함이 어디죠?", "24시간 반납함 위치"],
    ),
    (
        "희망 도서는 한 달에 두 권까지 신청할 수 있습니다.",
        ["희망 도서 신청은 몇 권까지 되나요?", "보고 싶은 책을 신청하고 싶은데 한 달 한도가 있나요?"],
    ),
    ("무선 인터넷 비밀번호는 readmore2024입니다.", ["와이파이 말고 무선 인터넷 비밀번호요", "인터넷 비밀번호 알려 줘"]),
    (
        "음료는 뚜껑이 있는 컵만 가지고 들어올 수 있습니다.",
        ["음료를 들고 들어가도 되나요?", "컵에 뚜껑이 있어야 하나요?"],
    ),
    (
        "자원봉사는 만 16세 이상이면 누구나 지원할 수 있습니다.",
        ["자원봉사 지원 나이 제한이 있어요?", "몇 살부터 자원봉사를 할 수 있나요?"],
    ),
    (
        "노트북은 2층 디지털실에서 하루 4시간까지 대여합니다.",
        ["노트북 대여되나요?", "디지털실에서 노트북을 몇 시간 빌려줘요?"],
    ),
    ("기증 도서는 출간된 지 5년이 지나지 않은 책만 받습니다.", ["책을 기증하고 싶어요", "오래된 책도 기증을 받나요?"]),
    (
        "전자책은 휴대전화 앱에서 한 번에 3권 대출됩니다.",
        ["전자책은 어떻게 빌려요?", "앱에서 전자책 몇 권 볼 수 있어요?"],
    ),
    (
        "분실물은 30일 동안 보관한 뒤 경찰서로 보냅니다.",
        ["분실물은 며칠 동안 보관하나요?", "우산을 두고 왔는데 분실물 보관해 주시나요?"],
    ),
    ("관장은 김하린이며 임기는 2년입니다.", ["관장님 성함이 뭐예요?", "관장 임기는 몇 년인가요?"]),
    (
        "옥상 정원은 4월부터 10월까지만 개방합니다.",
        ["옥상 정원은 언제 개방하나요?", "겨울에도 옥상에 올라갈 수 있나요?"],
    ),
    (
        "논문 복사는 저작권법에 따라 한 편의 3분의 1까지만 허용됩니다.",
        ["논문 전체를 복사해도 되나요?", "논문 복사는 얼마나 할 수 있어요?"],
    ),
    (
        "장애인 회원에게는 책을 집으로 무료 배달합니다.",
        ["장애인을 위한 배달 서비스가 있나요?", "집으로 책을 배달해 주시나요?"],
    ),
]
ENGLISH: list[tuple[str, list[str]]] = [
    (
        "Books may be kept for 14 days and renewed once for another 7 days if nobody has reserved them.",
        ["How long may I keep a book?", "Can I renew my books?"],
    ),
    (
        "Each member may borrow 5 books at a time.",
        ["How many books can I borrow at once?", "What's the borrowing limit per member?"],
    ),
    (
        "The late fee is 10 cents per book and day.",
        ["What is the fee for late books?", "How much do you charge when I'm late?"],
    ),
    (
        "The reading room is open on weekdays from 9 a.m. to 10 p.m.",
        ["When does the reading room close?", "Reading room opening hours"],
    ),
    (
        "The library is closed on Mondays and public holidays.",
        ["Are you closed on Mondays?", "Is it open during holidays?"],
    ),
    (
        "Membership cards are issued at the front desk on the first floor; bring a photo ID.",
        ["Where do I get a membership card?", "Do I need an ID for the card?"],
    ),
    (
        "A lost card is replaced for 2 dollars.",
        ["I lost my card, what does a replacement cost?", "Replacing lost cards"],
    ),
    (
        "Study rooms must be booked online one day ahead and can be used for up to 3 hours.",
        ["How do I book a study room?", "For how many hours can we use study rooms?"],
    ),
    (
        "Printing costs 5 cents a page in black and white and 20 cents in color.",
        ["How much is color printing?", "What is the price to print a page?"],
    ),
    (
        "The underground garage is free for visitors for two hours.",
        ["Is the garage free?", "How long can visitors park underground?"],
    ),
    (
        "Story time for children takes place on Saturdays at 11 a.m. in the children's room.",
        ["When is story time?", "What happens for children on Saturday?"],
    ),
    (
        "The drop box beside the main entrance takes returns around the clock.",
        ["Where is the drop box?", "Can I return books at night? Where do returns go?"],
    ),
    (
        "You may suggest two new titles per month.",
        ["How many titles can I suggest?", "I'd like to make a suggestion for a new title"],
    ),
    ("The wireless password is readmore2024.", ["What's the wireless password?", "password for wireless network"]),
    ("Drinks are allowed only in cups with a lid.", ["Can I bring a drink?", "Are cups without lids okay?"]),
    (
        "Volunteers must be at least 16 years old.",
        ["How old must a volunteer be?", "I am 15, can I be volunteering here?"],
    ),
    (
        "Laptops are lent in the digital room on the second floor for 4 hours a day.",
        ["Do you lend laptops?", "Where is the digital room?"],
    ),
    (
        "We accept donated books published within the last 5 years.",
        ["Can I donate books?", "How recent must donated books be?"],
    ),
    (
        "E-books are borrowed through the mobile app, 3 at a time.",
        ["How do e-books work?", "Does the mobile app let me borrow?"],
    ),
    (
        "Lost property is kept for 30 days and then handed to the police.",
        ["How long do you keep lost property?", "What do you hand to the police?"],
    ),
    ("The director is Harin Kim; her term is two years.", ["Who is the director?", "How long is the director's term?"]),
    (
        "The roof garden is open from April to October only.",
        ["When is the roof garden open?", "Can I visit the garden on the roof in January?"],
    ),
    (
        "Copyright law lets you copy at most a third of a thesis.",
        ["May I copy a whole thesis?", "What does copyright allow for copying?"],
    ),
    (
        "Members with a disability get books delivered to their home for free.",
        ["Is there home delivery?", "Do you deliver to people with disabilities?"],
    ),
]
# The question before, the follow-up, and which passage (of the same language) answers the follow-up.
FOLLOW_UPS: list[tuple[str, str, str, int]] = [
    ("ko", "회원증은 어디서 만들어요?", "잃어버리면요?", 6),
    ("ko", "흑백 인쇄는 얼마예요?", "그럼 컬러는요?", 8),
    ("ko", "스터디룸 예약은 어떻게 하나요?", "최대 몇 시간까지요?", 7),
    ("ko", "옥상 정원은 언제 개방하나요?", "겨울에는요?", 21),
    ("ko", "노트북 대여되나요?", "몇 시간 동안요?", 16),
    ("ko", "관장님 성함이 뭐예요?", "임기는요?", 20),
    ("ko", "분실물은 보관해 주시나요?", "며칠 동안요?", 19),
    ("ko", "전자책은 어떻게 빌려요?", "몇 권까지 돼요?", 18),
    ("en", "Where do I get a membership card?", "And if I lose it?", 6),
    ("en", "How much is printing in black and white?", "And in color?", 8),
    ("en", "How do I book a study room?", "For how many hours?", 7),
    ("en", "When is the roof garden open?", "And in winter?", 21),
    ("en", "Do you lend laptops?", "For how long?", 16),
    ("en", "Who is the director?", "And how long is her term?", 20),
    ("en", "Do you keep lost property?", "How many days?", 19),
    ("en", "Can I borrow e-books?", "How many?", 18),
]
SMALL_TALK = (
    "안녕하세요|안녕!|고마워요|감사합니다.|네, 알겠습니다|잘 지내요?|너는 누구니?|농담 하나 해 줘|심심하다|"
    "반가워요|오늘 기분이 어때요?",
    "Hello|Hi there!|Thank you so much|Thanks, bye|How are you?|Who are you?|Tell me a joke|ok|😀",
)
ELSEWHERE = (
    "비트코인 시세가 어떻게 되나요?|파이썬 정렬 알고리즘|부산 날씨|김치찌개 끓이는 법|화성까지 거리는?",
    "What is the capital of France?|bitcoin quote|How tall is Mount Everest?|sort a list in Python|Who won the match?",
)
